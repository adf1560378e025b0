/// What one data plane does with one incarnation of a worker now.
public struct WorkerTraffic: Hashable, Sendable, Codable {
    public var incarnation: IncarnationID
    /// Requests in flight at the worker.
    public var inFlight: Int
    /// Nil: closed, and no failure is remembered.
    public var breaker: BreakerReport?
    /// Bytes of prompts that the worker is thought to have, as last counted, or the characters of its `cache_aware` tree; nil: none.
    public var prefixBytes: Int?
    /// The most requests in flight that the worker was found to bear; nil: no limit was learned.
    public var learnedLimit: Int?

    public init(
        incarnation: IncarnationID,
        inFlight: Int,
        breaker: BreakerReport? = nil,
        prefixBytes: Int? = nil,
        learnedLimit: Int? = nil
    ) {
        self.incarnation = incarnation
        self.inFlight = inFlight
        self.breaker = breaker
        self.prefixBytes = prefixBytes
        self.learnedLimit = learnedLimit
    }

    enum CodingKeys: String, CodingKey {
        case incarnation, breaker
        case inFlight = "in_flight"
        case prefixBytes = "prefix_bytes"
        case learnedLimit = "learned_limit"
    }
}

/// The circuit breaker of a worker at one data plane.
public struct BreakerReport: Hashable, Sendable, Codable {
    public var state: BreakerState
    /// Failures in a row.
    public var failures: Int
    /// The last failure, as one sentence for a person.
    public var reason: String

    public init(state: BreakerState, failures: Int, reason: String) {
        self.state = state
        self.failures = failures
        self.reason = reason
    }
}

/// Whether a data plane sends a worker requests.
public enum BreakerState: String, Hashable, Sendable, Codable, CaseIterable {
    case closed
    /// It gets none.
    case open
    /// It gets a few, to see whether they succeed.
    case halfOpen = "half_open"

    /// The one that says most of several breakers that are shown as one.
    public static func worst(of states: [BreakerState]) -> BreakerState {
        [.open, .halfOpen].first { states.contains($0) } ?? .closed
    }
}
