/// What was observed of the workers: the whole picture every time, so that a lost message harms nothing.
///
/// A worker that is missing was not observed by this run of the control plane yet: what was observed before still counts.
public struct HealthMessage: Hashable, Sendable, Codable {
    /// The run of the control plane that counts the ticks.
    public var run: RunID
    /// Grows with every health message of one run; a data plane ignores one that is not newer.
    public var tick: UInt64
    public var workers: [WorkerObservation]
    /// What workers say of their load; nil while no policy asks.
    public var loads: [WorkerLoad]?
    /// When more than this share of the workers falls silent at once, the observer is suspected and not they, in percent; 0:
    /// never. Nil: as ``standardPanicPercent`` says.
    public var panicPercent: Int?

    public static let standardPanicPercent = 50

    public init(
        run: RunID,
        tick: UInt64,
        workers: [WorkerObservation],
        loads: [WorkerLoad]? = nil,
        panicPercent: Int = HealthMessage.standardPanicPercent
    ) {
        self.run = run
        self.tick = tick
        self.workers = workers
        self.loads = loads
        self.panicPercent = panicPercent == HealthMessage.standardPanicPercent ? nil : panicPercent
    }

    enum CodingKeys: String, CodingKey {
        case run, tick, workers, loads
        case panicPercent = "panic_percent"
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
    /// It is unhealthy because nothing is heard of it: neither a refusal nor an answer. Nil: no.
    public var isSilent: Bool?
    /// Something else than its probes keeps requests from it, so that no answer makes it ready. Nil: no.
    public var isHeld: Bool?
    /// How it is probed; nil: as ``ProbeTerms/standard`` says.
    public var probe: ProbeTerms?

    enum CodingKeys: String, CodingKey {
        case incarnation, state, since, reason, probe
        case isSilent = "silent"
        case isHeld = "held"
    }

    public init(
        incarnation: IncarnationID,
        state: ObservedState,
        since: String,
        reason: String,
        isSilent: Bool = false,
        isHeld: Bool = false,
        probe: ProbeTerms = .standard
    ) {
        self.incarnation = incarnation
        self.state = state
        self.since = since
        self.reason = reason
        self.isSilent = isSilent ? true : nil
        self.isHeld = isHeld ? true : nil
        self.probe = probe == .standard ? nil : probe
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
