import ControlPlaneCore
import HTTPTypes
import Hummingbird
import SignalboxProtocol

/// Reads and sets how requests are spread over workers.
struct PolicyRoutes: Sendable {
    let services: AdminServices

    var routes: [AdminRoute] {
        [
            AdminRoute(.get, "/policies", show),
            AdminRoute(.put, "/policies/default", setDefault),
            AdminRoute(.put, "/policies/models/{model}", setModel),
            AdminRoute(.delete, "/policies/models/{model}", removeModel),
        ]
    }

    private func show(_ request: Request, _ context: AdminContext) async throws -> Response {
        let policies = try await services.store.policies()
        let body: JSONValue = .object([
            "default": json(policies.value.standard),
            "models": .array(
                policies.value.models.compactMap { configuration in
                    configuration.policy.map {
                        .object(["model": .string(configuration.model), "policy": json($0)])
                    }
                }
            ),
            "available": .array(PolicyName.allCases.map { .string($0.rawValue) }),
            "states": .array(services.publisher.statuses().filter(\.connected).flatMap(states)),
            "version": .version(policies.version),
        ])
        return try AdminAnswer.json(body).showing(policies.version)
    }

    /// Whether the policies of one data plane have what they pick by.
    private func states(_ status: DataPlaneStatus) -> [JSONValue] {
        (status.policies ?? []).map { report in
            .object([
                "data_plane": .string(status.id),
                "model": .string(orNull: report.model),
                "policy": .string(report.policy.rawValue),
                "state": .string(report.state.rawValue),
                "reason": .string(orNull: report.reason),
            ])
        }
    }

    private func setDefault(_ request: Request, _ context: AdminContext) async throws -> Response {
        try await set(model: nil, request, context)
    }

    private func setModel(_ request: Request, _ context: AdminContext) async throws -> Response {
        try await set(model: try context.pathParameter("model"), request, context)
    }

    private func set(model: String?, _ request: Request, _ context: AdminContext) async throws -> Response {
        let policy = try policy(try await request.jsonObject())
        let stored = try await services.store.setPolicy(policy, model: model, origin: context.origin)
        if stored.isChange { services.publisher.changed() }
        return try answer(model: model, policy: json(stored.value), stored.version)
    }

    private func removeModel(_ request: Request, _ context: AdminContext) async throws -> Response {
        let model = try context.pathParameter("model")
        let removed = try await services.store.removePolicy(model: model, origin: context.origin)
        services.publisher.changed()
        return try answer(model: model, policy: .null, removed.version)
    }

    private func answer(model: String?, policy: JSONValue, _ version: SnapshotVersion) throws -> Response {
        let body: JSONValue = .object([
            "model": .string(orNull: model), "policy": policy, "version": .version(version),
        ])
        return try AdminAnswer.json(body).showing(version)
    }

    private func policy(_ fields: [String: JSONValue]) throws -> PolicyConfiguration {
        if let unknown = fields.keys.filter({ $0 != "name" && $0 != "parameters" }).min() {
            throw AdminError.unprocessable("unknown field `\(unknown.prefix(128))`")
        }
        guard case .string(let name) = fields["name"] else {
            throw AdminError.unprocessable("The field `name` must be the name of a policy.")
        }
        let known: PolicyName
        do {
            known = try PolicyName(named: name)
        } catch {
            throw AdminError(.badRequest, code: "POLICY_NOT_AVAILABLE", error.description)
        }
        let policy = PolicyConfiguration(name: known, parameters: try parameters(fields["parameters"]))
        if let fault = policy.faults.first {
            throw AdminError.unprocessable("Parameter `\(fault.parameter.prefix(128))`: \(fault.message).")
        }
        return policy
    }

    private func parameters(_ value: JSONValue?) throws -> [String: Double] {
        switch value {
        case nil, .null: return [:]
        case .object(let fields):
            return try fields.mapValues { value in
                switch value {
                case .integer(let number): return Double(number)
                case .number(let number): return number
                default: throw AdminError.unprocessable("A policy's parameters are numbers, not \(value.kind).")
                }
            }
        case .some(let other):
            throw AdminError.unprocessable("The field `parameters` must be an object, not \(other.kind).")
        }
    }

    private func json(_ policy: PolicyConfiguration) -> JSONValue {
        .object([
            "name": .string(policy.name.rawValue),
            "parameters": .object(policy.parameters.mapValues(JSONValue.number)),
        ])
    }
}
