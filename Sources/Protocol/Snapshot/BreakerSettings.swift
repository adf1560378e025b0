/// When a worker that fails requests is left out for a while (specification section 4.2).
public struct BreakerSettings: Hashable, Sendable {
    /// Failures in a row that open the breaker of a worker; 0: it never opens.
    public var failureThreshold = 10
    /// Trial requests that must succeed in a row before it closes; as many may run at one time.
    public var successThreshold = 3
    /// The longest time for which it stays open before trials are made, in milliseconds. The first time is a second, and
    /// each further one in a row twice as long.
    public var openMilliseconds = 60_000
    /// Failures further apart than this are not in a row, in milliseconds.
    public var windowMilliseconds = 120_000
    /// Most workers of a model whose breakers may be open at one time, in percent, rounded down.
    public var openPercentMax = 50
    public var counts = BreakerCounts.outages

    public init() {}
}

/// What counts as a failure of a worker.
public enum BreakerCounts: String, Hashable, Sendable, Codable, CaseIterable {
    /// No connection, a lost one, a time limit, and the statuses 502, 503 and 504: what no client can provoke.
    case outages
    /// Those and every status that is not 2xx, as in the original.
    case errors
}
