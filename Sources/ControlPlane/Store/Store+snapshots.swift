import ControlPlaneCore
import GRDB
public import SignalboxProtocol
import Telemetry

/// One published snapshot as the history shows it.
public struct SnapshotRecord: Hashable, Sendable {
    public var version: SnapshotVersion
    /// RFC 3339 in UTC.
    public var publishedAt: String
    public var digest: String
    public var bytes: Int
    public var workers: Int
    /// The document's line without its line feed; nil when only the summary is kept.
    public var document: String?
}

extension Store {
    /// How many of the newest published snapshots are kept whole.
    public static let documentsKept = 20
    /// How many published snapshots are kept as digest and summary.
    public static let recordsKept = 10_000

    /// The newest committed state, read in one transaction, so that the version is the one of exactly these rows.
    public func snapshot() throws -> Snapshot {
        try database.read { database in
            let policies = try Store.policies(database)
            return Snapshot(
                version: try Store.version(database, epoch: epoch),
                workers: try WorkerRow.all(database).map(\.snapshotWorker),
                policy: policies.standard,
                models: policies.models,
                settings: try Store.settings(database)
            )
        }
    }

    /// Notes that a snapshot is published; the same version with the same digest is noted once.
    ///
    /// The note is no change: it makes no version and no audit row.
    public func recordSnapshot(_ encoded: EncodedSnapshot, of snapshot: Snapshot) throws {
        let summary: JSONValue = .object([
            "workers": .integer(snapshot.workers.count),
            "ready_before": .integer(snapshot.workers.count { $0.wasReady }),
            "draining": .integer(snapshot.workers.count { $0.intent == .draining }),
            "policy": .string(snapshot.policy.name.rawValue),
            "model_policies": .integer(snapshot.models.count),
        ])
        let document = String(decoding: encoded.document.dropLast(), as: UTF8.self)
        try database.write { database in
            try database.execute(
                sql: """
                    INSERT OR IGNORE INTO snapshot_history
                        (epoch, sequence, published_at, digest, bytes, workers, summary, document)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    encoded.version.epoch.description, Int64(encoded.version.sequence), Timestamp.now(),
                    encoded.header.digest.description, encoded.header.bytes, snapshot.workers.count,
                    try JSONText.text(summary), document,
                ]
            )
            guard database.changesCount > 0 else { return }
            let newest = database.lastInsertedRowID
            try database.execute(
                sql: "UPDATE snapshot_history SET document = NULL WHERE document IS NOT NULL AND id <= ?",
                arguments: [newest - Int64(Store.documentsKept)]
            )
            try database.execute(
                sql: "DELETE FROM snapshot_history WHERE id <= ?",
                arguments: [newest - Int64(Store.recordsKept)]
            )
        }
    }

    /// The newest published snapshots without their documents, newest first.
    public func snapshotRecords(limit: Int) async throws -> [SnapshotRecord] {
        try await database.read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT epoch, sequence, published_at, digest, bytes, workers, NULL AS document
                    FROM snapshot_history ORDER BY id DESC LIMIT ?
                    """,
                arguments: [limit]
            )
            return rows.compactMap(SnapshotRecord.init)
        }
    }

    /// The published snapshot of one sequence of this epoch; nil when none is on record.
    public func snapshotRecord(sequence: UInt64) async throws -> SnapshotRecord? {
        guard let sequence = Int64(exactly: sequence) else { return nil }
        return try await database.read { [epoch] database in
            let row = try Row.fetchOne(
                database,
                sql: "SELECT * FROM snapshot_history WHERE epoch = ? AND sequence = ? ORDER BY id DESC",
                arguments: [epoch.description, sequence]
            )
            return row.flatMap(SnapshotRecord.init)
        }
    }
}

extension SnapshotRecord {
    fileprivate init?(_ row: Row) {
        guard let epoch = Epoch(row["epoch"] as String), let sequence = UInt64(exactly: row["sequence"] as Int64) else {
            return nil
        }
        version = SnapshotVersion(epoch: epoch, sequence: sequence)
        publishedAt = row["published_at"]
        digest = row["digest"]
        bytes = row["bytes"]
        workers = row["workers"]
        document = row["document"]
    }
}
