public import SignalboxProtocol

/// A worker as the request threads see it: everything resolved that a pick and a request head need.
public struct RoutedWorker: Sendable {
    public var incarnation: IncarnationID
    public var lease: WorkerSlots.Lease
    /// Tried in order; empty while the host name is not resolved.
    public var addresses: [IPAddress]
    public var port: UInt16
    /// The value of the `Host` field.
    public var authority: String
    /// Goes before the path of every request; empty for most workers.
    public var pathPrefix: String
    public var availability: WorkerAvailability
    public var weight: Int
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
