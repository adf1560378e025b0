import ControlPlaneCore
import HTTPTypes
import Hummingbird
import SignalboxProtocol

/// Reads and changes the limits and times that every data plane applies.
struct SettingsRoutes: Sendable {
    let services: AdminServices

    var routes: [AdminRoute] {
        [
            AdminRoute(.get, "/settings", show),
            AdminRoute(.patch, "/settings", change),
        ]
    }

    private func show(_ request: Request, _ context: AdminContext) async throws -> Response {
        try answer(try await services.store.settings())
    }

    private func change(_ request: Request, _ context: AdminContext) async throws -> Response {
        var values: [RoutingSettings.CodingKeys: Int] = [:]
        for (name, value) in try await request.jsonObject() {
            guard let key = RoutingSettings.CodingKeys(rawValue: name) else {
                throw AdminError.unprocessable("There is no setting '\(name.prefix(128))'.")
            }
            guard case .integer(let number) = value else {
                throw AdminError.unprocessable("The setting '\(name)' must be a whole number, not \(value.kind).")
            }
            values[key] = number
        }
        let stored = try await services.store.setSettings(values, origin: context.origin)
        if stored.isChange { services.publisher.changed() }
        return try answer(stored)
    }

    private func answer(_ settings: Committed<RoutingSettings>) throws -> Response {
        let body = SettingsBody(settings: settings.value, version: settings.version)
        return try AdminAnswer.json(body).showing(settings.version)
    }

    private struct SettingsBody: Encodable {
        var settings: RoutingSettings
        var version: SnapshotVersion
    }
}
