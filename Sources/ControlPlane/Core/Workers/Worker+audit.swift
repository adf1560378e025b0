import SignalboxProtocol

extension Worker {
    /// What the audit trail keeps of the worker before and after a change.
    public var auditValue: JSONValue {
        var fields = properties.auditFields
        fields["id"] = .string(id.description)
        fields["incarnation"] = .string(incarnation.description)
        fields["url"] = .string(url.description)
        fields["url_given"] = .string(urlGiven)
        fields["source"] = .string(source.rawValue)
        fields["role"] = .string(role.rawValue)
        fields["intent"] = .string(intent.rawValue)
        fields["model_id"] = .string(orNull: modelID)
        fields["models"] = .array(models.map { .string($0.id) })
        fields["running_requests_max"] = .integer(orNull: capacity.runningRequestsMax)
        fields["cache_tokens"] = .integer(orNull: capacity.cacheTokens)
        if let pod { fields["pod"] = pod.jsonValue }
        if let bootstrapPort { fields["bootstrap_port"] = .integer(bootstrapPort) }
        fields["was_ready"] = .boolean(firstReadyAt != nil)
        return .object(fields)
    }
}

extension PodReference {
    /// As the admin API and the audit trail show it.
    public var jsonValue: JSONValue {
        .object(["namespace": .string(namespace), "name": .string(name), "uid": .string(uid)])
    }
}

extension WorkerProperties {
    /// The properties by the names that the admin API gives them.
    var auditFields: [String: JSONValue] {
        [
            "weight": .integer(weight),
            "priority": .integer(priority),
            "cost": .number(cost),
            "labels": .strings(labels),
            "disable_health_check": .boolean(!health.isEnabled),
            "health_check_timeout_secs": .integer(orNull: health.timeoutSeconds),
            "health_check_endpoint": .string(orNull: health.path),
            "health_check_interval_secs": .integer(orNull: health.intervalSeconds),
            "health_success_threshold": .integer(orNull: health.successThreshold),
            "health_failure_threshold": .integer(orNull: health.failureThreshold),
        ]
    }
}
