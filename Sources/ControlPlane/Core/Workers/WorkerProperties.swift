/// What operators may say about a worker besides its URL, when they add it and later.
public struct WorkerProperties: Hashable, Sendable {
    /// Share of the traffic relative to other workers.
    public var weight: Int
    /// A higher one is a greater share (``WorkerShares``).
    public var priority: Int
    /// A higher one is a smaller share.
    public var cost: Double
    public var labels: [String: String]
    public var health: WorkerHealthSettings

    public init(
        weight: Int = 1,
        priority: Int = WorkerShares.standardPriority,
        cost: Double = 1,
        labels: [String: String] = [:],
        health: WorkerHealthSettings = WorkerHealthSettings()
    ) {
        self.weight = weight
        self.priority = priority
        self.cost = cost
        self.labels = labels
        self.health = health
    }
}

/// How one worker is probed where it differs from the general rule; nil means as the general rule says.
public struct WorkerHealthSettings: Hashable, Sendable {
    /// False: the worker counts as ready without being probed.
    public var isEnabled: Bool
    /// Begins with a slash.
    public var path: String?
    public var timeoutSeconds: Int?
    public var intervalSeconds: Int?
    /// Answers in a row that make an unhealthy worker ready again.
    public var successThreshold: Int?
    /// Failures in a row that make a ready worker unhealthy.
    public var failureThreshold: Int?

    public init(
        isEnabled: Bool = true,
        path: String? = nil,
        timeoutSeconds: Int? = nil,
        intervalSeconds: Int? = nil,
        successThreshold: Int? = nil,
        failureThreshold: Int? = nil
    ) {
        self.isEnabled = isEnabled
        self.path = path
        self.timeoutSeconds = timeoutSeconds
        self.intervalSeconds = intervalSeconds
        self.successThreshold = successThreshold
        self.failureThreshold = failureThreshold
    }
}
