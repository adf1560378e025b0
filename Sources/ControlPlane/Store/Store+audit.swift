public import ControlPlaneCore
import GRDB
import SignalboxProtocol

extension Store {
    /// Rows of the audit trail, newest first.
    ///
    /// - Parameter id: only rows older than this one; nil begins with the newest.
    public func audit(before id: Int64?, limit: Int) async throws -> [AuditEntry] {
        try await database.read { database in
            let rows = try Row.fetchAll(
                database,
                sql: "SELECT * FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?",
                arguments: [id ?? .max, limit]
            )
            return try rows.compactMap(AuditEntry.init)
        }
    }
}

extension AuditEntry {
    fileprivate init?(_ row: Row) throws {
        guard let epoch = Epoch(row["epoch"] as String), let sequence = UInt64(exactly: row["sequence"] as Int64) else {
            return nil
        }
        let before: String? = row["before"]
        let after: String? = row["after"]
        self.init(
            id: row["id"],
            time: row["time"],
            actor: row["actor"],
            sourceAddress: row["source_address"],
            requestID: row["request_id"],
            action: row["action"],
            subject: row["subject"],
            before: try before.map { try JSONText.value(JSONValue.self, from: $0) },
            after: try after.map { try JSONText.value(JSONValue.self, from: $0) },
            version: SnapshotVersion(epoch: epoch, sequence: sequence)
        )
    }
}
