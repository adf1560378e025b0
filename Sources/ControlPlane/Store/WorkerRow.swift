import ControlPlaneCore
import GRDB
import SignalboxProtocol

/// Translates between rows of the `worker` table and values.
enum WorkerRow {
    /// Reads a row; a value that cannot be read means that the file was edited by hand or is damaged.
    static func worker(_ row: Row) throws -> Worker {
        guard let id = WorkerID(row["id"] as String), let incarnation = IncarnationID(row["incarnation"] as String),
            let source = WorkerSource(rawValue: row["source"]), let role = WorkerRole(rawValue: row["role"]),
            let url = try? WorkerURL(row["url"] as String)
        else {
            throw DatabaseError(
                resultCode: .SQLITE_CORRUPT,
                message: "a row of the table worker cannot be read: \(row)"
            )
        }
        let labels: String = row["labels"]
        let models: String = row["models"]
        return Worker(
            id: id,
            incarnation: incarnation,
            url: url,
            urlGiven: row["url_given"],
            source: source,
            role: role,
            properties: WorkerProperties(
                weight: row["weight"],
                priority: row["priority"],
                cost: row["cost"],
                labels: labels == "{}" ? [:] : try JSONText.value([String: String].self, from: labels),
                health: WorkerHealthSettings(
                    isEnabled: row["health_check"],
                    path: row["health_check_path"],
                    timeoutSeconds: row["health_check_timeout_secs"],
                    intervalSeconds: row["health_check_interval_secs"],
                    successThreshold: row["health_success_threshold"],
                    failureThreshold: row["health_failure_threshold"]
                )
            ),
            modelGiven: row["model_given"],
            pod: pod(row),
            bootstrapPort: row["bootstrap_port"],
            models: models == "[]" ? [] : try JSONText.value([ModelCard].self, from: models),
            capacity: ToldCapacity(
                runningRequestsMax: row["running_requests_max"],
                cacheTokens: row["cache_tokens"]
            ),
            drain: drain(row),
            addedAt: row["added_at"],
            firstReadyAt: row["first_ready_at"],
            hold: hold(row)
        )
    }

    private static func hold(_ row: Row) -> HealthHold? {
        guard let since: Int64 = row["held_since"], let reason: String = row["held_reason"] else { return nil }
        return HealthHold(since: since, reason: reason)
    }

    private static func pod(_ row: Row) -> PodReference? {
        guard let namespace: String = row["pod_namespace"], let name: String = row["pod_name"],
            let uid: String = row["pod_uid"]
        else { return nil }
        return PodReference(namespace: namespace, name: name, uid: uid)
    }

    private static func drain(_ row: Row) -> WorkerDrain? {
        guard let beganAt: Int64 = row["drain_began_at"], let deadline: Int64 = row["drain_deadline"],
            let sequence: Int64 = row["drain_sequence"]
        else { return nil }
        return WorkerDrain(
            beganAt: beganAt,
            deadline: deadline,
            cutAt: row["drain_cut_at"],
            sequence: UInt64(clamping: sequence)
        )
    }

    static func all(_ database: Database) throws -> [Worker] {
        try Row.fetchAll(database, sql: "SELECT * FROM worker ORDER BY position").map(worker)
    }

    static func find(_ reference: WorkerReference, _ database: Database) throws -> Worker? {
        switch reference {
        case .id(let id): try find("id", id.description, database)
        case .url(let url): try find(url, database)
        }
    }

    /// The worker at `url` that takes requests, else the one that drains and was registered last.
    private static func find(_ url: WorkerURL, _ database: Database) throws -> Worker? {
        let statement = try database.cachedStatement(
            sql: "SELECT * FROM worker WHERE url = ? ORDER BY intent = 'active' DESC, position DESC LIMIT 1"
        )
        return try Row.fetchOne(statement, arguments: [url.description]).map(worker)
    }

    /// The worker of a pod that takes requests.
    static func find(_ pod: PodReference, _ database: Database) throws -> Worker? {
        let statement = try database.cachedStatement(
            sql: "SELECT * FROM worker WHERE pod_uid = ? AND intent = 'active'"
        )
        return try Row.fetchOne(statement, arguments: [pod.uid]).map(worker)
    }

    /// Another worker that takes requests and has said its models.
    static func anotherWithModels(_ incarnation: IncarnationID, _ database: Database) throws -> Worker? {
        let statement = try database.cachedStatement(
            sql: """
                SELECT * FROM worker
                WHERE intent = 'active' AND role = 'regular' AND incarnation <> ?
                    AND (models <> '[]' OR model_given IS NOT NULL) LIMIT 1
                """
        )
        return try Row.fetchOne(statement, arguments: [incarnation.description]).map(worker)
    }

    static func find(_ incarnation: IncarnationID, _ database: Database) throws -> Worker? {
        try find("incarnation", incarnation.description, database)
    }

    private static func find(_ column: String, _ value: String, _ database: Database) throws -> Worker? {
        let statement = try database.cachedStatement(sql: "SELECT * FROM worker WHERE \(column) = ?")
        return try Row.fetchOne(statement, arguments: [value]).map(worker)
    }

    static func insert(_ worker: Worker, _ database: Database) throws {
        let health = worker.properties.health
        let statement = try database.cachedStatement(
            sql: """
                INSERT INTO worker
                    (id, incarnation, url, url_given, source, role, weight, priority, cost, labels, models, model_given,
                    health_check, health_check_timeout_secs, health_check_interval_secs, health_success_threshold,
                    health_failure_threshold, intent, added_at, first_ready_at, running_requests_max,
                    health_check_path, pod_namespace, pod_name, pod_uid, bootstrap_port, cache_tokens)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        )
        try statement.execute(arguments: [
            worker.id.description, worker.incarnation.description, worker.url.description, worker.urlGiven,
            worker.source.rawValue, worker.role.rawValue, worker.properties.weight, worker.properties.priority,
            worker.properties.cost, try JSONText.text(worker.properties.labels), try JSONText.text(worker.models),
            worker.modelGiven, health.isEnabled, health.timeoutSeconds, health.intervalSeconds,
            health.successThreshold, health.failureThreshold, worker.intent.rawValue, worker.addedAt,
            worker.firstReadyAt, worker.capacity.runningRequestsMax, health.path, worker.pod?.namespace,
            worker.pod?.name,
            worker.pod?.uid, worker.bootstrapPort, worker.capacity.cacheTokens,
        ])
    }

    /// Stores what may change in the life of a registration.
    static func update(_ worker: Worker, _ database: Database) throws {
        let health = worker.properties.health
        let statement = try database.cachedStatement(
            sql: """
                UPDATE worker SET weight = ?, priority = ?, cost = ?, labels = ?, models = ?, model_given = ?,
                    health_check = ?, health_check_timeout_secs = ?, health_check_interval_secs = ?,
                    health_success_threshold = ?, health_failure_threshold = ?, intent = ?, first_ready_at = ?,
                    running_requests_max = ?, cache_tokens = ?, health_check_path = ?,
                    drain_began_at = ?, drain_deadline = ?, drain_sequence = ?, drain_cut_at = ?
                WHERE incarnation = ?
                """
        )
        try statement.execute(arguments: [
            worker.properties.weight, worker.properties.priority, worker.properties.cost,
            try JSONText.text(worker.properties.labels), try JSONText.text(worker.models), worker.modelGiven,
            health.isEnabled, health.timeoutSeconds, health.intervalSeconds, health.successThreshold,
            health.failureThreshold, worker.intent.rawValue, worker.firstReadyAt,
            worker.capacity.runningRequestsMax, worker.capacity.cacheTokens, health.path, worker.drain?.beganAt,
            worker.drain?.deadline,
            worker.drain.map { Int64(clamping: $0.sequence) },
            worker.drain?.cutAt, worker.incarnation.description,
        ])
    }

    /// Stores what keeps requests from a worker, or that nothing does.
    static func update(_ incarnation: IncarnationID, _ hold: HealthHold?, _ database: Database) throws {
        let statement = try database.cachedStatement(
            sql: "UPDATE worker SET held_since = ?, held_reason = ? WHERE incarnation = ?"
        )
        try statement.execute(arguments: [hold?.since, hold?.reason, incarnation.description])
    }

    static func delete(_ worker: Worker, _ database: Database) throws {
        let statement = try database.cachedStatement(sql: "DELETE FROM worker WHERE incarnation = ?")
        try statement.execute(arguments: [worker.incarnation.description])
    }
}
