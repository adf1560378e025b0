import ControlPlaneCore
import HTTPTypes
import Hummingbird
import SignalboxProtocol

/// Reads and changes the limits and times that every data plane applies, for all models and for single ones.
struct SettingsRoutes: Sendable {
    let services: AdminServices

    var routes: [AdminRoute] {
        [
            AdminRoute(.get, "/settings", show),
            AdminRoute(.patch, "/settings", change),
            AdminRoute(.patch, "/settings/models/{model}", changeModel),
            AdminRoute(.delete, "/settings/models/{model}", removeModel),
        ]
    }

    private func show(_ request: Request, _ context: AdminContext) async throws -> Response {
        try answer(try await services.store.settings())
    }

    private func change(_ request: Request, _ context: AdminContext) async throws -> Response {
        let change = try SettingsChange(body: try await request.jsonObject())
        let stored = try await services.store.setSettings(change, origin: context.origin)
        if stored.isChange { services.publisher.changed() }
        return try answer(stored)
    }

    private func changeModel(_ request: Request, _ context: AdminContext) async throws -> Response {
        let model = try context.pathParameter("model")
        let change = try ModelSettingsChange(body: try await request.jsonObject())
        let stored = try await services.store.setModelSettings(change, model: model, origin: context.origin)
        if stored.isChange { services.publisher.changed() }
        return try answer(model: model, stored.value, stored.version)
    }

    private func removeModel(_ request: Request, _ context: AdminContext) async throws -> Response {
        let model = try context.pathParameter("model")
        let removed = try await services.store.removeModelSettings(model: model, origin: context.origin)
        services.publisher.changed()
        return try answer(model: model, ModelTimeouts(), removed.version)
    }

    private func answer(_ stored: Committed<StoredSettings>) throws -> Response {
        var models: [String: ModelTimeouts] = [:]
        for configuration in stored.value.models { models[configuration.model] = configuration.timeouts }
        let body = SettingsBody(settings: stored.value.standard, models: models, version: stored.version)
        return try AdminAnswer.json(body).showing(stored.version)
    }

    private func answer(model: String, _ settings: ModelTimeouts, _ version: SnapshotVersion) throws -> Response {
        let body = ModelSettingsBody(model: model, settings: settings, version: version)
        return try AdminAnswer.json(body).showing(version)
    }

    private struct SettingsBody: Encodable {
        var settings: RoutingSettings
        /// What single models set differently, by model.
        var models: [String: ModelTimeouts]
        var version: SnapshotVersion
    }

    private struct ModelSettingsBody: Encodable {
        var model: String
        /// What the model sets differently.
        var settings: ModelTimeouts
        var version: SnapshotVersion
    }
}
