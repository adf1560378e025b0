/// What was observed of the workers: the whole picture every time, so that a lost message harms nothing.
public struct HealthMessage: Hashable, Sendable, Codable {
    /// The run of the control plane that counts the ticks.
    public var run: RunID
    /// Grows with every health message of one run; a data plane ignores one that is not newer.
    public var tick: UInt64
    public var workers: [WorkerObservation]

    public init(run: RunID, tick: UInt64, workers: [WorkerObservation]) {
        self.run = run
        self.tick = tick
        self.workers = workers
    }
}

/// What is known of one incarnation of a worker.
public struct WorkerObservation: Hashable, Sendable, Codable {
    public var incarnation: IncarnationID
    public var state: ObservedState
    /// When the state began, RFC 3339 in UTC.
    public var since: String
    /// Why the worker is in this state, as one sentence for a person.
    public var reason: String

    public init(incarnation: IncarnationID, state: ObservedState, since: String, reason: String) {
        self.incarnation = incarnation
        self.state = state
        self.since = since
        self.reason = reason
    }
}

/// Whether a worker answered its probes.
public enum ObservedState: String, Hashable, Sendable, Codable, CaseIterable {
    /// Never ready so far.
    case pending
    case ready
    /// Was ready, and no longer answers as it should.
    case unhealthy
}
