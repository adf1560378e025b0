public import ControlPlaneCore
import FoundationEssentials
import GRDB
public import SignalboxProtocol

extension Store {
    public func settings() async throws -> Committed<RoutingSettings> {
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
    /// - Throws: ``StoreError/invalid(_:)`` with one sentence for each value out of bounds.
    public func setSettings(
        _ values: [RoutingSettings.CodingKeys: Int],
        origin: AuditOrigin
    ) async throws -> Committed<RoutingSettings> {
        try await write { [epoch] database in
            let before = try Store.settings(database)
            for (key, value) in values {
                try database.execute(
                    sql: "INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)",
                    arguments: [key.rawValue, value]
                )
            }
            let after = try Store.settings(database)
            guard after != before else {
                return Committed(after, version: try Store.version(database, epoch: epoch), isChange: false)
            }
            let violations = Snapshot(version: SnapshotVersion(epoch: epoch, sequence: 0), settings: after).violations()
            guard violations.isEmpty else { throw StoreError.invalid(violations.map { "\($0)." }) }
            let change = AuditedChange(
                action: .settingsSet,
                subject: "settings",
                before: try Store.auditValue(before, keys: values.keys),
                after: try Store.auditValue(after, keys: values.keys)
            )
            return Committed(after, version: try Store.record(change, origin: origin, epoch: epoch, in: database))
        }
    }

    static func settings(_ database: Database) throws -> RoutingSettings {
        var values: [String: Int] = [:]
        for row in try Row.fetchAll(database, sql: "SELECT name, value FROM setting") {
            values[row["name"]] = row["value"]
        }
        return try JSONText.value(RoutingSettings.self, from: try JSONText.text(values))
    }

    private static func auditValue(
        _ settings: RoutingSettings,
        keys: some Sequence<RoutingSettings.CodingKeys>
    ) throws -> JSONValue {
        let all = try JSONText.value([String: Int].self, from: try JSONText.text(settings))
        var fields: [String: JSONValue] = [:]
        for key in keys { fields[key.rawValue] = all[key.rawValue].map(JSONValue.integer) }
        return .object(fields)
    }
}
