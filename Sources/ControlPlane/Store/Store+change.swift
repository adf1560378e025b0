import ControlPlaneCore
import GRDB
import SignalboxProtocol
import Telemetry

/// One change as the audit trail will show it.
struct AuditedChange {
    var action: AuditAction
    var subject: String
    var before: JSONValue?
    var after: JSONValue?
    /// Joins the fields of `after`, or stands alone when there are none.
    var reason: String?
}

extension Store {
    /// Writes the audit row and the next sequence of a change, in the transaction that made the change.
    static func record(
        _ change: AuditedChange,
        origin: AuditOrigin,
        epoch: Epoch,
        in database: Database
    ) throws -> SnapshotVersion {
        try database.execute(sql: "UPDATE meta SET sequence = sequence + 1")
        let version = try version(database, epoch: epoch)
        let statement = try database.cachedStatement(
            sql: """
                INSERT INTO audit
                    (time, actor, source_address, request_id, action, subject, before, after, epoch, sequence)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        )
        try statement.execute(arguments: [
            Timestamp.now(), origin.actor.rawValue, origin.sourceAddress, origin.requestID,
            change.action.rawValue, change.subject,
            try change.before.map(JSONText.text), try change.afterWithReason.map(JSONText.text),
            epoch.description, Int64(version.sequence),
        ])
        return version
    }

    /// Runs one use case in one transaction on the only writing connection.
    func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        do {
            return try await database.write(body)
        } catch let error as DatabaseError {
            throw StoreError(storage: error) ?? error
        }
    }
}

extension AuditedChange {
    fileprivate var afterWithReason: JSONValue? {
        guard let reason else { return after }
        guard case .object(var fields) = after else { return .object(["reason": .string(reason)]) }
        fields["reason"] = .string(reason)
        return .object(fields)
    }
}
