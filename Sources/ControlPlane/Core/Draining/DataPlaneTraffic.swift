public import SignalboxProtocol

/// What one data plane last said of the requests that it has at workers.
public struct DataPlaneTraffic: Hashable, Sendable {
    public var id: String
    /// Whether it can tell news. One that cannot still serves while its process lives.
    public var isConnected: Bool
    /// The version that it served when it said so; nil when it has said nothing yet.
    public var version: SnapshotVersion?
    /// Requests in flight by worker; a worker that is missing has none. Nil when it does not tell them apart.
    public var inFlight: [IncarnationID: Int]?
    /// Requests in flight at all workers.
    public var totalInFlight: Int

    /// The circuit breakers that are not closed, or remember failures.
    public var breakers: [IncarnationID: BreakerReport]

    /// Bytes of prompts that workers are thought to have.
    public var prefixBytes: [IncarnationID: Int]

    /// The limits that were learned for workers that say none.
    public var learnedLimits: [IncarnationID: Int]

    public init(
        id: String,
        isConnected: Bool,
        version: SnapshotVersion?,
        inFlight: [IncarnationID: Int]?,
        totalInFlight: Int,
        breakers: [IncarnationID: BreakerReport] = [:],
        prefixBytes: [IncarnationID: Int] = [:],
        learnedLimits: [IncarnationID: Int] = [:]
    ) {
        self.id = id
        self.isConnected = isConnected
        self.version = version
        self.inFlight = inFlight
        self.totalInFlight = totalInFlight
        self.breakers = breakers
        self.prefixBytes = prefixBytes
        self.learnedLimits = learnedLimits
    }

    /// Requests at one worker; nil when that is not known.
    public func inFlight(_ incarnation: IncarnationID) -> Int? {
        guard version != nil else { return nil }
        guard let inFlight else { return totalInFlight == 0 ? 0 : nil }
        return inFlight[incarnation] ?? 0
    }

    /// Whether it has no request at the worker, and gets none any more.
    func hasDrained(_ incarnation: IncarnationID, since required: SnapshotVersion) -> Bool {
        guard isConnected, let version, version.epoch == required.epoch, version.sequence >= required.sequence else {
            return false
        }
        return inFlight(incarnation) == 0
    }
}
