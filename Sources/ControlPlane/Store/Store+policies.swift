public import ControlPlaneCore
import GRDB
public import SignalboxProtocol

/// The stored policies: one for all models, and those of single models.
public struct StoredPolicies: Hashable, Sendable {
    public var standard: PolicyConfiguration
    /// Sorted by model.
    public var models: [ModelConfiguration]
}

extension Store {
    public func policies() async throws -> Committed<StoredPolicies> {
        try await database.read { [epoch] database in
            Committed(
                try Store.policies(database),
                version: try Store.version(database, epoch: epoch),
                isChange: false
            )
        }
    }

    /// Sets the policy of one model, or of all models that have none of their own (`model` nil).
    ///
    /// - Throws: ``StoreError/invalid(_:)``.
    public func setPolicy(
        _ policy: PolicyConfiguration,
        model: String?,
        origin: AuditOrigin
    ) async throws -> Committed<PolicyConfiguration> {
        try await write { [epoch] database in
            let before = try Store.policy(model: model, database)
            guard before != policy else {
                return Committed(policy, version: try Store.version(database, epoch: epoch), isChange: false)
            }
            if let model { try Store.requireRoom(for: model, in: "policy", what: "a policy", database) }
            try database.execute(
                sql: "INSERT OR REPLACE INTO policy (scope, model, name, parameters) VALUES (?, ?, ?, ?)",
                arguments: [
                    model == nil ? "default" : "model", model ?? "", policy.name.rawValue,
                    try JSONText.text(policy.parameters),
                ]
            )
            let change = AuditedChange(
                action: .policySet,
                subject: model.map { "model \($0)" } ?? "default",
                before: before?.auditValue,
                after: policy.auditValue
            )
            return Committed(policy, version: try Store.record(change, origin: origin, epoch: epoch, in: database))
        }
    }

    /// Takes away a model's own policy, so that the one for all models applies.
    ///
    /// - Throws: ``StoreError/policyNotFound(model:)``.
    public func removePolicy(model: String, origin: AuditOrigin) async throws -> Committed<PolicyConfiguration> {
        try await write { [epoch] database in
            guard let before = try Store.policy(model: model, database) else {
                throw StoreError.policyNotFound(model: model)
            }
            try database.execute(sql: "DELETE FROM policy WHERE scope = 'model' AND model = ?", arguments: [model])
            let change = AuditedChange(
                action: .policyRemoved,
                subject: "model \(model)",
                before: before.auditValue
            )
            return Committed(before, version: try Store.record(change, origin: origin, epoch: epoch, in: database))
        }
    }

    static func policies(_ database: Database) throws -> StoredPolicies {
        var policies = StoredPolicies(standard: PolicyConfiguration(), models: [])
        for row in try Row.fetchAll(database, sql: "SELECT * FROM policy ORDER BY scope, model") {
            let policy = try policy(row)
            if row["scope"] == "default" {
                policies.standard = policy
            } else {
                policies.models.append(ModelConfiguration(model: row["model"], policy: policy))
            }
        }
        return policies
    }

    private static func policy(model: String?, _ database: Database) throws -> PolicyConfiguration? {
        let row = try Row.fetchOne(
            database,
            sql: "SELECT * FROM policy WHERE scope = ? AND model = ?",
            arguments: [model == nil ? "default" : "model", model ?? ""]
        )
        if let row { return try policy(row) }
        return model == nil ? PolicyConfiguration() : nil
    }

    private static func policy(_ row: Row) throws -> PolicyConfiguration {
        guard let name = PolicyName(rawValue: row["name"]) else {
            throw DatabaseError(
                resultCode: .SQLITE_CORRUPT,
                message: "a row of the table policy cannot be read: \(row)"
            )
        }
        return PolicyConfiguration(
            name: name,
            parameters: try JSONText.value([String: Double].self, from: row["parameters"])
        )
    }
}

extension PolicyConfiguration {
    fileprivate var auditValue: JSONValue {
        .object(["name": .string(name.rawValue), "parameters": .object(parameters.mapValues(JSONValue.number))])
    }
}
