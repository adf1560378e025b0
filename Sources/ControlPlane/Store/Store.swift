import ControlPlaneCore
import FoundationEssentials
import GRDB
public import SignalboxProtocol
import Synchronization
import Telemetry

/// The database of the control plane: workers, policies, settings, the history of snapshots and the audit trail.
///
/// Every method that changes something is one use case in one transaction: the change, its audit row and the next
/// sequence are stored together or not at all, and are on disk when the method returns.
public final class Store: Sendable {
    let database: DatabasePool
    /// Names this database, and a restored copy of it anew.
    public var epoch: Epoch { currentEpoch.withLock { $0 } }
    /// Whether nothing was ever changed in the database when it was opened.
    public let isNew: Bool
    /// Whether the database was found to be a restored copy, and got a new epoch.
    public let wasRestored: Bool
    private let mark: GenerationMark
    private let currentEpoch: Mutex<Epoch>

    /// Opens the database, or creates it with a new epoch.
    ///
    /// - Throws: ``StoreOpenError`` with a sentence that names the file.
    public init(path: String) throws {
        do {
            var configuration = Configuration()
            configuration.busyMode = .timeout(5)
            configuration.label = "signalbox"
            configuration.maximumReaderCount = 4
            database = try DatabasePool(path: path, configuration: configuration)
            // The pool chooses NORMAL for itself, which may forget the last commits after a loss of power.
            try database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            // A damaged page is otherwise found only by whoever first needs it.
            let check = try database.read { try String.fetchOne($0, sql: "PRAGMA quick_check(1)") }
            guard check == "ok" else {
                throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: check ?? "the check says nothing")
            }
            let migrator = StoreSchema.migrator()
            if try database.read(migrator.hasBeenSuperseded) {
                throw StoreOpenError(path: path, reason: "was made by a newer version of Signalbox; use that version.")
            }
            try migrator.migrate(database)
            mark = GenerationMark(database: path)
            let published = mark.read()
            let (epoch, wasRestored) = try database.write { try Store.openMeta($0, published: published) }
            currentEpoch = Mutex(epoch)
            self.wasRestored = wasRestored
            isNew = try database.read { try Int64.fetchOne($0, sql: "SELECT sequence FROM meta") } == 0
        } catch let error as DatabaseError {
            throw StoreOpenError(path: path, cause: error)
        }
    }

    /// Keeps the newest published version beside the database.
    func notePublished(_ version: SnapshotVersion) throws {
        try mark.write(version)
    }

    private static func openMeta(
        _ database: Database,
        published: SnapshotVersion?
    ) throws -> (Epoch, wasRestored: Bool) {
        if let text = try String.fetchOne(database, sql: "SELECT epoch FROM meta") {
            guard let epoch = Epoch(text) else {
                throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "the epoch '\(text)' is no UUID")
            }
            guard let published, published.epoch == epoch,
                try version(database, epoch: epoch).sequence < published.sequence
            else { return (epoch, false) }
            return (try renewEpoch(after: published, database), true)
        }
        var generator = SystemRandomNumberGenerator()
        let epoch = Epoch.random(using: &generator)
        try database.execute(
            sql: "INSERT INTO meta (id, epoch, sequence, created) VALUES (1, ?, 0, ?)",
            arguments: [epoch.description, Timestamp.now()]
        )
        return (epoch, false)
    }

    /// A data plane serves `seen`: when that is a later version of this epoch than there is, the database was restored
    /// together with what is kept beside it, and gets a new epoch.
    ///
    /// - Returns: whether it got one.
    public func renewEpoch(seen: SnapshotVersion) async throws -> Bool {
        try await write { [self] database in
            let epoch = currentEpoch.withLock { $0 }
            guard seen.epoch == epoch, try Store.version(database, epoch: epoch).sequence < seen.sequence else {
                return false
            }
            let renewed = try Store.renewEpoch(after: seen, database)
            database.afterNextTransaction { [self] _ in currentEpoch.withLock { $0 = renewed } }
            return true
        }
    }

    /// A restored copy would give out versions a second time: it gets an epoch of its own, which data planes follow.
    private static func renewEpoch(after published: SnapshotVersion, _ database: Database) throws -> Epoch {
        var generator = SystemRandomNumberGenerator()
        let epoch = Epoch.random(using: &generator)
        try database.execute(sql: "UPDATE meta SET epoch = ?", arguments: [epoch.description])
        let change = AuditedChange(
            action: .epochRenewed,
            subject: epoch.description,
            before: .object([
                "epoch": .string(published.epoch.description), "sequence": .integer(Int(published.sequence)),
            ]),
            reason: "the database is older than what was published"
        )
        _ = try record(change, origin: .controlPlane, epoch: epoch, in: database)
        return epoch
    }

    /// Closes every connection to the file; no other method may be called afterwards.
    ///
    /// All changes are in the one file then, so that it can be copied by itself.
    public func close() throws {
        _ = try database.writeWithoutTransaction { try $0.checkpoint(.truncate) }
        try database.close()
    }

    /// The newest committed version.
    public func version() async throws -> SnapshotVersion {
        try await database.read { [epoch] in try Store.version($0, epoch: epoch) }
    }

    static func version(_ database: Database, epoch: Epoch) throws -> SnapshotVersion {
        let sequence = try Int64.fetchOne(database, sql: "SELECT sequence FROM meta") ?? 0
        return SnapshotVersion(epoch: epoch, sequence: UInt64(sequence))
    }
}
