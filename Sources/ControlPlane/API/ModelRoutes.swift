import ControlPlaneCore
import HTTPTypes
import Hummingbird
import SignalboxProtocol

/// Shows the models of the fleet, and forgets those that are gone for good.
struct ModelRoutes: Sendable {
    let services: AdminServices

    var routes: [AdminRoute] {
        [
            AdminRoute(.get, "/models", show),
            AdminRoute(.delete, "/models/{model}", forget),
        ]
    }

    private func show(_ request: Request, _ context: AdminContext) async throws -> Response {
        let models = try await services.store.fleetModels()
        let body: JSONValue = .object([
            "models": .array(
                models.value.map { model in
                    .object([
                        "model": .string(model.name), "workers": .integer(model.workers),
                        "known": .boolean(model.isKnown),
                    ])
                }
            ),
            "version": .version(models.version),
        ])
        return try AdminAnswer.json(body).showing(models.version)
    }

    private func forget(_ request: Request, _ context: AdminContext) async throws -> Response {
        let model = try context.pathParameter("model")
        let version = try await services.store.forgetModel(model, origin: context.origin)
        services.publisher.changed()
        let body: JSONValue = .object(["model": .string(model), "version": .version(version)])
        return try AdminAnswer.json(body).showing(version)
    }
}
