import ControlPlaneCore
import HTTPTypes
import Hummingbird
import SignalboxProtocol

/// Operations that ask every worker at once, as version 0.3.2 of the original answers them.
struct FanOutRoutes: Sendable {
    let services: AdminServices

    var routes: [AdminRoute] {
        [
            AdminRoute(.post, "/flush_cache", flushCache),
            AdminRoute(.get, "/get_loads", loads),
        ]
    }

    private func flushCache(_ request: Request, _ context: AdminContext) async throws -> Response {
        let workers = try await services.store.workers().filter { $0.intent == .active }
        let failures = await services.fanOut.flushCaches(of: workers)
        let failed = zip(workers, failures).filter { $0.1 != nil }
        let flushed = workers.count - failed.count
        var fields: [String: JSONValue] = [
            "status": "success",
            "message": .string("Successfully flushed cache on all \(workers.count) HTTP workers"),
            "workers_flushed": .integer(flushed),
            "total_http_workers": .integer(workers.count),
            "total_workers": .integer(workers.count),
        ]
        if workers.isEmpty {
            fields["message"] = "No HTTP workers available for cache flush"
        } else if !failed.isEmpty {
            fields["status"] = "partial_success"
            fields["message"] = .string(
                "Cache flush partially completed: \(flushed) succeeded, \(failed.count) failed"
            )
            fields["failed"] = .array(
                failed.map { worker, reason in
                    .object(["worker": .string(worker.urlGiven), "error": .string(orNull: reason)])
                }
            )
        }
        return try AdminAnswer.json(JSONValue.object(fields), status: failed.isEmpty ? .ok : .partialContent)
    }

    private func loads(_ request: Request, _ context: AdminContext) async throws -> Response {
        let workers = try await services.store.workers().filter { $0.intent == .active }
        let loads = await services.fanOut.loads(of: workers)
        let entries = zip(workers, loads).map { worker, load -> JSONValue in
            .object(["worker": .string(worker.urlGiven), "load": .integer(load)])
        }
        return try AdminAnswer.json(JSONValue.object(["workers": .array(entries)]))
    }
}
