import ControlPlaneCore
import HTTPTypes
import Hummingbird
import SignalboxProtocol

/// The `/workers` operations of later versions of the original; an id is a UUID or a percent-encoded URL.
struct WorkerRoutes: Sendable {
    let services: AdminServices

    var routes: [AdminRoute] {
        [
            AdminRoute(.post, "/workers", add),
            AdminRoute(.get, "/workers", list),
            AdminRoute(.get, "/workers/{id}", show),
            AdminRoute(.put, "/workers/{id}", update),
            AdminRoute(.delete, "/workers/{id}", remove),
            AdminRoute(.post, "/workers/{id}/activate", activate),
        ]
    }

    private func add(_ request: Request, _ context: AdminContext) async throws -> Response {
        let registration = try WorkerRegistration(body: try await request.json())
        let added = try await services.workers.add(registration, origin: context.origin)
        let location = "/workers/\(added.value.id)"
        var response = try accepted(
            added,
            message: "Worker addition queued for background processing",
            fields: ["url": .string(added.value.urlGiven), "location": .string(location)]
        )
        response.headers[.location] = location
        return response
    }

    private func list(_ request: Request, _ context: AdminContext) async throws -> Response {
        let workers = try await services.store.workersWithVersion()
        let observed = services.health.observedAll()
        let traffic = services.publisher.traffic()
        let suspicion = services.health.suspicion
        func count(_ role: WorkerRole) -> JSONValue { .integer(workers.value.count { $0.role == role }) }
        let body: JSONValue = .object([
            "workers": .array(
                workers.value.map { worker in
                    WorkerView.json(
                        worker,
                        observed[worker.incarnation],
                        traffic,
                        suspicion: suspicion,
                        told: services.loads.view(worker.incarnation, at: .now),
                        version: nil
                    )
                }
            ),
            "total": .integer(workers.value.count),
            "stats": .object([
                "prefill_count": count(.prefill), "decode_count": count(.decode), "regular_count": count(.regular),
            ]),
            "version": .version(workers.version),
        ])
        return try AdminAnswer.json(body).showing(workers.version)
    }

    private func show(_ request: Request, _ context: AdminContext) async throws -> Response {
        let reference = try WorkerReference(try context.pathParameter("id"))
        guard let found = try await services.store.worker(reference) else {
            throw StoreError.workerNotFound(reference)
        }
        let observed = services.health.observed(found.value.incarnation)
        let traffic = services.publisher.traffic()
        let body = WorkerView.json(
            found.value,
            observed,
            traffic,
            suspicion: services.health.suspicion,
            told: services.loads.view(found.value.incarnation, at: .now),
            version: found.version
        )
        return try AdminAnswer.json(body).showing(found.version)
    }

    private func update(_ request: Request, _ context: AdminContext) async throws -> Response {
        let reference = try WorkerReference(try context.pathParameter("id"))
        let change = try WorkerChange(body: try await request.json())
        let updated = try await services.workers.update(reference, change, origin: context.origin)
        return try accepted(updated, message: updated.isChange ? "Worker updated" : "Worker was so already")
    }

    private func remove(_ request: Request, _ context: AdminContext) async throws -> Response {
        let reference = try WorkerReference(try context.pathParameter("id"))
        let time = try DrainTime(request.query)
        let removed = try await services.workers.remove(reference, time, origin: context.origin)
        let location = "/workers/\(removed.value.id)"
        guard removed.value.drain != nil else { return try accepted(removed, message: "Worker removed") }
        let message =
            removed.isChange ? "Worker drains; it is removed when it has no requests" : "Worker drained already"
        var response = try accepted(removed, message: message, fields: ["location": .string(location)])
        response.headers[.location] = location
        return response
    }

    private func activate(_ request: Request, _ context: AdminContext) async throws -> Response {
        let reference = try WorkerReference(try context.pathParameter("id"))
        let active = try await services.workers.activate(reference, origin: context.origin)
        return try accepted(
            active,
            message: active.isChange ? "Worker takes requests again" : "Worker was active already"
        )
    }

    private func accepted(
        _ change: Committed<Worker>,
        message: String,
        fields: [String: JSONValue] = [:]
    ) throws -> Response {
        let standard: [String: JSONValue] = [
            "status": "accepted",
            "worker_id": .string(change.value.id.description),
            "message": .string(message),
            "version": .version(change.version),
        ]
        let body = JSONValue.object(standard.merging(fields) { _, new in new })
        return try AdminAnswer.json(body, status: .accepted).showing(change.version)
    }
}

extension DrainTime {
    /// Longest time to drain, in seconds: a day.
    static let secondsMax = 86_400

    /// Reads `force` and `timeout_secs`.
    init(_ query: QueryString) throws {
        switch query["force"] {
        case "true", "": self = .none
        case nil, "false":
            guard query["timeout_secs"] != nil else {
                self = .standard
                return
            }
            let seconds = try query.integer("timeout_secs", standard: 0, in: 0...DrainTime.secondsMax)
            self = .milliseconds(seconds * 1000)
        case .some: throw AdminError.badRequest("The query parameter 'force' must be true or false.")
        }
    }
}
