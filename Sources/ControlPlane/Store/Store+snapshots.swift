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

/// A snapshot on its way into the history.
struct SnapshotNote: Sendable {
    var header: SnapshotHeader
    /// RFC 3339 in UTC.
    var publishedAt: String
    var workers: Int
    /// What a person wants to see of it at a glance.
    var summary: JSONValue
    /// The document's line without its line feed; nil when newer ones have taken its place already.
    var document: String?

    init(_ encoded: EncodedSnapshot, of snapshot: Snapshot) {
        header = encoded.header
        publishedAt = Timestamp.now()
        workers = snapshot.workers.count
        document = String(decoding: encoded.document.dropLast(), as: UTF8.self)
        summary = .object([
            "workers": .integer(snapshot.workers.count),
            "ready_before": .integer(snapshot.workers.count { $0.wasReady }),
            "draining": .integer(snapshot.workers.count { $0.intent == .draining }),
            "policy": .string(snapshot.policy.name.rawValue),
            "model_policies": .integer(snapshot.models.count { $0.policy != nil }),
            "model_settings": .integer(snapshot.models.count { $0.timeouts != nil }),
        ])
    }
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
            let settings = try Store.settings(database)
            let workers = try WorkerRow.all(database)
            let weights = WorkerShares.weights(of: workers)
            return Snapshot(
                version: try Store.version(database, epoch: epoch),
                workers: zip(workers, weights).map { $0.snapshotWorker(weight: $1) },
                policy: policies.standard,
                models: Store.models(policies, settings, known: try Store.knownModels(database)),
                settings: settings.standard
            )
        }
    }

    /// What applies to single models, sorted by the bytes of their names.
    private static func models(
        _ policies: StoredPolicies,
        _ settings: StoredSettings,
        known: [String]
    ) -> [ModelConfiguration] {
        var configurations: [String: ModelConfiguration] = [:]
        for configuration in policies.models { configurations[configuration.model] = configuration }
        for configuration in settings.models {
            configurations[configuration.model, default: configuration].timeouts = configuration.timeouts
        }
        for model in known { configurations[model, default: ModelConfiguration(model: model)].wasServed = true }
        return configurations.values.sorted { $0.model.utf8.lexicographicallyPrecedes($1.model.utf8) }
    }

    /// Notes published snapshots, oldest first, in one transaction; the same version with the same digest is noted once.
    ///
    /// The note is no change: it makes no version and no audit row.
    func recordSnapshots(_ snapshots: [SnapshotNote]) throws {
        try database.write { database in
            for snapshot in snapshots { try Store.insert(snapshot, database) }
            guard let newest = try Int64.fetchOne(database, sql: "SELECT max(id) FROM snapshot_history") else { return }
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

    private static func insert(_ snapshot: SnapshotNote, _ database: Database) throws {
        let existing = try Int64.fetchOne(
            database,
            sql: "SELECT id FROM snapshot_history WHERE epoch = ? AND sequence = ? AND digest = ?",
            arguments: [
                snapshot.header.epoch.description, Int64(snapshot.header.sequence), snapshot.header.digest.description,
            ]
        )
        guard existing == nil else { return }
        try database.execute(
            sql: """
                INSERT INTO snapshot_history
                    (epoch, sequence, published_at, digest, bytes, workers, summary, document)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                snapshot.header.epoch.description, Int64(snapshot.header.sequence), snapshot.publishedAt,
                snapshot.header.digest.description, snapshot.header.bytes, snapshot.workers,
                try JSONText.text(snapshot.summary), snapshot.document,
            ]
        )
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
