import ControlPlaneCore
import SignalboxProtocol
import Telemetry

/// A worker as the `/workers` operations show it: the fields of the original and those of this software.
enum WorkerView {
    /// - Parameters:
    ///   - traffic: what the data planes last said.
    ///   - told: what the worker says of its load; nil while it is not asked.
    static func json(
        _ worker: Worker,
        _ observed: ProbeState?,
        _ traffic: [DataPlaneTraffic],
        suspicion: ObserverSuspicion? = nil,
        told: FleetLoads.View? = nil,
        version: SnapshotVersion?
    ) -> JSONValue {
        let state = state(of: worker, observed)
        var fields: [String: JSONValue] = [
            "id": .string(worker.id.description),
            "incarnation": .string(worker.incarnation.description),
            "url": .string(worker.urlGiven),
            "model_id": .string(worker.modelID ?? "unknown"),
            "models": .array(worker.models.map { .string($0.id) }),
            "priority": .integer(worker.properties.priority),
            "cost": .number(worker.properties.cost),
            "weight": .integer(worker.properties.weight),
            "labels": .strings(worker.properties.labels),
            "worker_type": .string(worker.role.rawValue),
            "is_healthy": .boolean(state == "ready"),
            "load": .integer(traffic.reduce(0) { $0 + ($1.inFlight(worker.incarnation) ?? 0) }),
            "in_flight": inFlight(worker, traffic),
            "breakers": breakers(worker, traffic),
            "learned_limits": learnedLimits(worker, traffic),
            "told_load": told.map(json) ?? .null,
            "running_requests_max": .integer(orNull: worker.capacity.runningRequestsMax),
            "cache_tokens": .integer(orNull: worker.capacity.cacheTokens),
            "connection_mode": "HTTP",
            "metadata": .strings(worker.modelID.map { ["served_model_name": $0] } ?? [:]),
            "disable_health_check": .boolean(!worker.properties.health.isEnabled),
            "health_check_endpoint": .string(orNull: worker.properties.health.path),
            "health_check_timeout_secs": .integer(orNull: worker.properties.health.timeoutSeconds),
            "health_check_interval_secs": .integer(orNull: worker.properties.health.intervalSeconds),
            "health_success_threshold": .integer(orNull: worker.properties.health.successThreshold),
            "health_failure_threshold": .integer(orNull: worker.properties.health.failureThreshold),
            "source": .string(worker.source.rawValue),
            "pod": worker.pod?.jsonValue ?? .null,
            "bootstrap_port": .integer(orNull: worker.bootstrapPort),
            "state": .string(state),
            "reason": .string(orNull: worker.drain.map(reason) ?? reason(worker, suspicion) ?? observed?.reason),
            "since": time(worker.drain?.beganAt ?? observed?.since),
            "drain": drain(worker),
            "last_probe": time(observed?.lastProbe),
            "next_probe": time(observed?.nextProbe),
            "added_at": time(worker.addedAt),
            "first_ready_at": time(worker.firstReadyAt),
        ]
        if let version { fields["version"] = .version(version) }
        if state == "pending" { fields["job_status"] = jobStatus(worker, observed) }
        return .object(fields)
    }

    /// Requests by data plane; null where one has not told yet.
    private static func inFlight(_ worker: Worker, _ traffic: [DataPlaneTraffic]) -> JSONValue {
        let counts = traffic.map { ($0.id, JSONValue.integer(orNull: $0.inFlight(worker.incarnation))) }
        return .object(Dictionary(counts) { first, _ in first })
    }

    /// The circuit breakers by data plane; one that is missing is closed.
    private static func breakers(_ worker: Worker, _ traffic: [DataPlaneTraffic]) -> JSONValue {
        let reports = traffic.compactMap { plane in
            plane.breakers[worker.incarnation].map { report in
                (
                    plane.id,
                    JSONValue.object([
                        "state": .string(report.state.rawValue), "failures": .integer(report.failures),
                        "reason": .string(report.reason),
                    ])
                )
            }
        }
        return .object(Dictionary(reports) { first, _ in first })
    }

    /// The most requests that it was found to bear, by data plane; one that is missing has learned no limit.
    private static func learnedLimits(_ worker: Worker, _ traffic: [DataPlaneTraffic]) -> JSONValue {
        let limits = traffic.compactMap { plane in
            plane.learnedLimits[worker.incarnation].map { (plane.id, JSONValue.integer($0)) }
        }
        return .object(Dictionary(limits) { first, _ in first })
    }

    /// What the worker itself says of its load.
    private static func json(_ told: FleetLoads.View) -> JSONValue {
        .object([
            "tokens": .integer(orNull: told.tokens),
            "age_seconds": told.ageSeconds.map(JSONValue.number) ?? .null,
            "is_fresh": .boolean(told.isFresh),
            "reason": .string(orNull: told.reason),
        ])
    }

    private static func drain(_ worker: Worker) -> JSONValue {
        guard let drain = worker.drain else { return .null }
        return .object([
            "since": time(drain.beganAt), "deadline": time(drain.deadline), "cut_at": time(drain.cutAt),
        ])
    }

    private static func reason(_ worker: Worker, _ suspicion: ObserverSuspicion?) -> String? {
        guard let suspicion, suspicion.workers.contains(worker.incarnation) else { return nil }
        return suspicion.reason
    }

    private static func reason(_ drain: WorkerDrain) -> String {
        drain.cutAt == nil
            ? "The worker is being removed; its requests may end."
            : "The worker is being removed; its requests are cut."
    }

    /// `pending`, `ready`, `unhealthy` or `draining`.
    static func state(of worker: Worker, _ observed: ProbeState?) -> String {
        if worker.intent == .draining { return "draining" }
        switch observed?.health {
        case .pending: return "pending"
        case .ready, .presumedReady: return "ready"
        case .unhealthy: return "unhealthy"
        case nil: return worker.firstReadyAt == nil ? "pending" : "ready"
        }
    }

    /// The original shows the addition of a worker as a job; ours is done when the worker is ready.
    private static func jobStatus(_ worker: Worker, _ observed: ProbeState?) -> JSONValue {
        .object([
            "job_type": "AddWorker",
            "worker_url": .string(worker.urlGiven),
            "status": "processing",
            "message": .string(orNull: observed?.reason),
            "timestamp": .integer(Int(worker.addedAt / 1000)),
        ])
    }

    private static func time(_ milliseconds: Int64?) -> JSONValue {
        .string(orNull: milliseconds.map(Timestamp.text(millisecondsSinceEpoch:)))
    }
}
