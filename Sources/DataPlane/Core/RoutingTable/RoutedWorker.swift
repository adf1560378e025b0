public import SignalboxProtocol

/// A worker as the request threads see it: everything resolved that a pick and a request head need.
public struct RoutedWorker: Sendable {
    public var id: WorkerID
    public var incarnation: IncarnationID
    public var lease: WorkerSlots.Lease
    public var endpoint: WorkerEndpoint
    public var availability: WorkerAvailability
    /// It is unhealthy because nothing is heard of it.
    public var isSilent: Bool
    public var weight: Int
    /// Most requests of all data planes that may be in flight here; nil: as its latency shows.
    public var requestsMax: Int?
    /// What it still does is cut.
    public var isCut: Bool

    /// What is to be watched of it; nil for one that gets no requests whatever it answers, or needs no probes.
    public var observed: ObservedState?

    /// The number under which data planes speak of it among themselves.
    let fleetKey: UInt64
    /// The number under which data planes of several hosts do, whose control planes give it different incarnations.
    let urlKey: UInt64

    /// Its number in the prefix index; nil when it has none.
    var lane: Int? { lease.lane }
}

/// Where a worker is reached. A class, so that an attempt keeps all of it by one reference.
public final class WorkerEndpoint: Sendable {
    /// Tried in order; empty while the host name is not resolved.
    public let addresses: [IPAddress]
    public let port: UInt16
    /// Goes before the path of every request; empty for most workers.
    public let path: String
    /// The normalised URL.
    public let url: String
    /// Host and port as they stand in the `Host` field.
    public let authority: String
    /// The `Host` field with its line's end, as every head to the worker has it.
    let hostLine: ByteBuffer
    /// The field that names the worker to clients, with its line's end.
    let workerLine: ByteBuffer
    /// The same as bytes.
    let pathPrefix: ByteBuffer

    init(_ url: WorkerURL, id: WorkerID, addresses: [IPAddress]) {
        self.addresses = addresses
        port = url.port
        authority = url.authority
        path = url.path
        self.url = url.description
        hostLine = ByteBuffer("Host: \(url.authority)\r\n")
        workerLine = ByteBuffer("X-Signalbox-Worker: \(id)\r\n")
        pathPrefix = ByteBuffer(url.path)
    }
}

/// Whether a worker may be picked, and if not, whether waiting may help.
public enum WorkerAvailability: Sendable, Hashable {
    case ready
    /// Never ready so far, or its name is not resolved yet.
    case pending
    case unhealthy
    case draining

    /// Intent first, then what was observed, then what was true before (architecture section 3).
    init(of worker: SnapshotWorker, observed: ObservedState?, isResolved: Bool) {
        if worker.intent == .draining {
            self = .draining
            return
        }
        switch observed {
        case _ where !worker.healthCheck: self = .ready
        case .ready: self = .ready
        case .pending: self = .pending
        case .unhealthy: self = .unhealthy
        case nil: self = worker.wasReady ? .ready : .pending
        }
        if self == .ready && !isResolved { self = .pending }
    }
}
