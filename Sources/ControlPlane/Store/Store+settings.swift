public import ControlPlaneCore
import FoundationEssentials
import GRDB
public import SignalboxProtocol

/// The stored settings: those of all models, and the time limits of single models.
public struct StoredSettings: Hashable, Sendable {
    public var standard: RoutingSettings
    /// Sorted by model.
    public var models: [ModelConfiguration]
}

extension Store {
    public func settings() async throws -> Committed<StoredSettings> {
        try await database.read { [epoch] database in
            Committed(
                try Store.settings(database),
                version: try Store.version(database, epoch: epoch),
                isChange: false
            )
        }
    }

    /// Sets the named settings and leaves the others as they are.
    ///
    /// - Throws: ``StoreError/invalid(_:)`` with one sentence for each rule of the snapshot that the values break.
    public func setSettings(_ new: SettingsChange, origin: AuditOrigin) async throws -> Committed<StoredSettings> {
        try await write { [epoch] database in
            let before = try Store.settings(database)
            for (key, value) in new.values { try Store.store(value, as: key, database) }
            let after = try Store.settings(database)
            guard after != before else {
                return Committed(after, version: try Store.version(database, epoch: epoch), isChange: false)
            }
            let version = SnapshotVersion(epoch: epoch, sequence: 0)
            let violations = Snapshot(version: version, settings: after.standard).violations()
            guard violations.isEmpty else { throw StoreError.invalid(violations.map { "\($0)." }) }
            let change = AuditedChange(
                action: .settingsSet,
                subject: "settings",
                before: try Store.auditValue(before.standard, keys: new.values.keys),
                after: try Store.auditValue(after.standard, keys: new.values.keys)
            )
            return Committed(after, version: try Store.record(change, origin: origin, epoch: epoch, in: database))
        }
    }

    private static func store(
        _ value: SettingValue?,
        as key: RoutingSettings.CodingKeys,
        _ database: Database
    ) throws {
        let stored: (any DatabaseValueConvertible)? =
            switch value {
            case .number(let number): number
            case .word(let word): word
            case nil: nil
            }
        guard let stored else {
            try database.execute(sql: "DELETE FROM setting WHERE name = ?", arguments: [key.rawValue])
            return
        }
        try database.execute(
            sql: "INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)",
            arguments: [key.rawValue, stored]
        )
    }

    static func settings(_ database: Database) throws -> StoredSettings {
        var values: [String: JSONValue] = [:]
        for row in try Row.fetchAll(database, sql: "SELECT name, value FROM setting") {
            let value: DatabaseValue = row["value"]
            values[row["name"]] = Int.fromDatabaseValue(value).map(JSONValue.integer) ?? .string(row["value"])
        }
        return StoredSettings(
            standard: try JSONText.value(RoutingSettings.self, from: try JSONText.text(values)),
            models: try modelSettings(database)
        )
    }

    private static func auditValue(
        _ settings: RoutingSettings,
        keys: some Sequence<RoutingSettings.CodingKeys>
    ) throws -> JSONValue {
        let all = try JSONText.value([String: JSONValue].self, from: try JSONText.text(settings))
        var fields: [String: JSONValue] = [:]
        for key in keys { fields[key.rawValue] = all[key.rawValue] }
        return .object(fields)
    }
}
