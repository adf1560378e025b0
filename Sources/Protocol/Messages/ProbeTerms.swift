/// How a worker is probed, also by data planes whose control plane is silent.
public struct ProbeTerms: Hashable, Sendable, Codable {
    /// What is asked for, behind its URL.
    public var path: String
    public var timeoutMilliseconds: Int
    /// Failures in a row that make a ready worker unhealthy.
    public var failureThreshold: Int
    /// Successes in a row that make an unhealthy worker ready.
    public var successThreshold: Int

    public static let standard = ProbeTerms()

    public init(
        path: String = "/health",
        timeoutMilliseconds: Int = 5_000,
        failureThreshold: Int = 3,
        successThreshold: Int = 2
    ) {
        self.path = path
        self.timeoutMilliseconds = timeoutMilliseconds
        self.failureThreshold = failureThreshold
        self.successThreshold = successThreshold
    }

    enum CodingKeys: String, CodingKey {
        case path
        case timeoutMilliseconds = "timeout_milliseconds"
        case failureThreshold = "failure_threshold"
        case successThreshold = "success_threshold"
    }
}
