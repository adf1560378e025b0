import ControlPlaneCore
import HTTPTypes
import Hummingbird
import Logging
import SignalboxProtocol

/// Shows how the control plane itself and its data planes are.
struct StatusRoutes: Sendable {
    let services: AdminServices

    var routes: [AdminRoute] {
        [
            AdminRoute(.get, "/health", alive),
            AdminRoute(.get, "/liveness", alive),
            AdminRoute(.get, "/readiness", readiness),
            AdminRoute(.get, "/version", version),
            AdminRoute(.get, "/data_planes", dataPlanes),
            AdminRoute(.post, "/data_planes/restart", restartDataPlanes),
        ]
    }

    private func alive(_ request: Request, _ context: AdminContext) async throws -> Response {
        AdminAnswer.text("OK")
    }

    /// Ready as soon as the database answers; the fleet may be empty, since it is filled through this API.
    private func readiness(_ request: Request, _ context: AdminContext) async throws -> Response {
        let workers = try await services.store.workers().filter { $0.intent == .active }
        let observed = services.health.observedAll()
        let healthy = workers.count { WorkerView.state(of: $0, observed[$0.incarnation]) == "ready" }
        return try AdminAnswer.json(
            JSONValue.object([
                "status": "ready",
                "healthy_workers": .integer(healthy),
                "observer_suspected": .boolean(services.health.suspicion != nil),
                "total_workers": .integer(workers.count),
                "data_planes": .integer(services.publisher.statuses().count { $0.connected }),
            ])
        )
    }

    private func version(_ request: Request, _ context: AdminContext) async throws -> Response {
        let version = try await services.store.version()
        guard case .object(var fields) = JSONValue.version(version) else { return Response(status: .noContent) }
        fields["software"] = .string(softwareVersion)
        return try AdminAnswer.json(JSONValue.object(fields)).showing(version)
    }

    private func restartDataPlanes(_ request: Request, _ context: AdminContext) async throws -> Response {
        do throws(DataPlaneRestart.Failure) {
            try services.restart.request()
        } catch {
            let message =
                switch error {
                case .noSupervisor:
                    "No supervisor started this control plane; restart the data planes where they were started."
                case .supervisorGone: "The supervisor has ended."
                }
            return AdminAnswer.error(AdminError(.conflict, code: "NO_SUPERVISOR", message))
        }
        services.logger.notice("A replacement of the data planes was asked for.")
        let message = "The data planes are replaced one after the other; GET /data_planes shows them"
        return try AdminAnswer.json(
            JSONValue.object(["status": "accepted", "message": .string(message)]),
            status: .accepted
        )
    }

    private func dataPlanes(_ request: Request, _ context: AdminContext) async throws -> Response {
        try AdminAnswer.json(["data_planes": services.publisher.statuses()])
    }
}
