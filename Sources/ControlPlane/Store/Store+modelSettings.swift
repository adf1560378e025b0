public import ControlPlaneCore
import GRDB
public import SignalboxProtocol

extension Store {
    /// Sets the named time limits of one model and leaves its others as they are.
    ///
    /// - Throws: ``StoreError/invalid(_:)`` for a model that cannot be stored.
    public func setModelSettings(
        _ new: ModelSettingsChange,
        model: String,
        origin: AuditOrigin
    ) async throws -> Committed<ModelTimeouts> {
        try await write { [epoch] database in
            try Store.requireRoom(for: model, in: "model_setting", what: "settings", database)
            let before = try Store.modelSettings(model, database)
            for (key, value) in new.values {
                if let value {
                    try database.execute(
                        sql: "INSERT OR REPLACE INTO model_setting (model, name, value) VALUES (?, ?, ?)",
                        arguments: [model, key.rawValue, value]
                    )
                } else {
                    try database.execute(
                        sql: "DELETE FROM model_setting WHERE model = ? AND name = ?",
                        arguments: [model, key.rawValue]
                    )
                }
            }
            let after = try Store.modelSettings(model, database)
            let timeouts = try Store.timeouts(after)
            guard after != before else {
                return Committed(timeouts, version: try Store.version(database, epoch: epoch), isChange: false)
            }
            let change = AuditedChange(
                action: .settingsSet,
                subject: "model \(model)",
                before: Store.auditValue(before, keys: new.values.keys),
                after: Store.auditValue(after, keys: new.values.keys)
            )
            return Committed(timeouts, version: try Store.record(change, origin: origin, epoch: epoch, in: database))
        }
    }

    /// Takes away a model's own time limits, so that those of all models apply.
    ///
    /// - Throws: ``StoreError/settingsNotFound(model:)``.
    public func removeModelSettings(model: String, origin: AuditOrigin) async throws -> Committed<ModelTimeouts> {
        try await write { [epoch] database in
            let before = try Store.modelSettings(model, database)
            guard !before.isEmpty else { throw StoreError.settingsNotFound(model: model) }
            try database.execute(sql: "DELETE FROM model_setting WHERE model = ?", arguments: [model])
            let change = AuditedChange(
                action: .settingsRemoved,
                subject: "model \(model)",
                before: .object(before.mapValues(JSONValue.integer))
            )
            let version = try Store.record(change, origin: origin, epoch: epoch, in: database)
            return Committed(try Store.timeouts(before), version: version)
        }
    }

    /// The time limits of all models that have own ones, sorted by model.
    static func modelSettings(_ database: Database) throws -> [ModelConfiguration] {
        var models: [(model: String, values: [String: Int])] = []
        for row in try Row.fetchAll(database, sql: "SELECT * FROM model_setting ORDER BY model, name") {
            let model: String = row["model"]
            if models.last?.model != model { models.append((model, [:])) }
            models[models.count - 1].values[row["name"]] = row["value"]
        }
        return try models.map { ModelConfiguration(model: $0.model, timeouts: try timeouts($0.values)) }
    }

    /// The stored values of one model, by name.
    private static func modelSettings(_ model: String, _ database: Database) throws -> [String: Int] {
        var values: [String: Int] = [:]
        for row in try Row.fetchAll(database, sql: "SELECT * FROM model_setting WHERE model = ?", arguments: [model]) {
            values[row["name"]] = row["value"]
        }
        return values
    }

    private static func timeouts(_ values: [String: Int]) throws -> ModelTimeouts {
        try JSONText.value(ModelTimeouts.self, from: try JSONText.text(values))
    }

    /// The changed values; null stands for a limit that is as for all models.
    private static func auditValue(
        _ values: [String: Int],
        keys: some Sequence<ModelTimeouts.CodingKeys>
    ) -> JSONValue {
        var fields: [String: JSONValue] = [:]
        for key in keys { fields[key.rawValue] = .integer(orNull: values[key.rawValue]) }
        return .object(fields)
    }
}
