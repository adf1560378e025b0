import SignalboxProtocol

/// What a person wants changed of a registered worker; nil means as it is.
public struct WorkerChange: Hashable, Sendable {
    public var weight: Int?
    public var priority: Int?
    public var cost: Double?
    /// Replaces all labels.
    public var labels: [String: String]?
    public var disableHealthCheck: Bool?
    public var healthPath: String?
    public var healthTimeoutSeconds: Int?
    public var healthIntervalSeconds: Int?
    public var healthSuccessThreshold: Int?
    public var healthFailureThreshold: Int?

    public init() {}

    static let fieldNames: Set<String> = [
        "weight", "priority", "cost", "labels", "disable_health_check", "health_check_endpoint",
        "health_check_timeout_secs",
        "health_check_interval_secs", "health_success_threshold", "health_failure_threshold",
    ]

    /// Reads the body of `PUT /workers/{id}`.
    public init(body: JSONValue) throws(WorkerFieldError) {
        try self.init(fields: WorkerFields(body, known: WorkerChange.fieldNames))
    }

    init(fields: WorkerFields) throws(WorkerFieldError) {
        weight = try fields.integer("weight", in: 1...SnapshotWorker.weightMax)
        priority = try fields.integer("priority", in: WorkerLimits.priority)
        cost = try fields.number("cost", in: WorkerLimits.cost)
        labels = try fields.texts("labels")
        disableHealthCheck = try fields.boolean("disable_health_check")
        healthPath = try fields.text("health_check_endpoint", bytesMax: HealthPath.bytesMax)
        if let healthPath, !HealthPath.isAcceptable(healthPath) {
            throw WorkerFieldError(message: "Field `health_check_endpoint` \(HealthPath.rule)")
        }
        healthTimeoutSeconds = try fields.integer("health_check_timeout_secs", in: WorkerLimits.seconds)
        healthIntervalSeconds = try fields.integer("health_check_interval_secs", in: WorkerLimits.seconds)
        healthSuccessThreshold = try fields.integer("health_success_threshold", in: WorkerLimits.threshold)
        healthFailureThreshold = try fields.integer("health_failure_threshold", in: WorkerLimits.threshold)
    }

    /// The properties after the change.
    public func applied(to properties: WorkerProperties) -> WorkerProperties {
        WorkerProperties(
            weight: weight ?? properties.weight,
            priority: priority ?? properties.priority,
            cost: cost ?? properties.cost,
            labels: labels ?? properties.labels,
            health: WorkerHealthSettings(
                isEnabled: disableHealthCheck.map(!) ?? properties.health.isEnabled,
                path: healthPath ?? properties.health.path,
                timeoutSeconds: healthTimeoutSeconds ?? properties.health.timeoutSeconds,
                intervalSeconds: healthIntervalSeconds ?? properties.health.intervalSeconds,
                successThreshold: healthSuccessThreshold ?? properties.health.successThreshold,
                failureThreshold: healthFailureThreshold ?? properties.health.failureThreshold
            )
        )
    }
}
