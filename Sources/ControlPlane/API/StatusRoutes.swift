import ControlPlaneCore
import HTTPTypes
import Hummingbird
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

    private func dataPlanes(_ request: Request, _ context: AdminContext) async throws -> Response {
        try AdminAnswer.json(["data_planes": services.publisher.statuses()])
    }
}
