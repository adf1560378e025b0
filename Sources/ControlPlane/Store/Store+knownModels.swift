public import ControlPlaneCore
import GRDB
public import SignalboxProtocol

/// A model of the fleet.
public struct FleetModel: Hashable, Sendable {
    public var name: String
    /// Those that take requests and name it.
    public var workers: Int
    /// Remembered when no worker names it any more.
    public var isKnown: Bool
}

/// The models that stay known without a worker, so that requests for one are told apart from those for a name that nobody
/// has ever had (decision 0010).
extension Store {
    /// Most models that are remembered; the one that was seen longest ago makes way.
    static let knownModelsMax = 1_000

    /// Every model that a worker names or that is remembered, sorted by name.
    public func fleetModels() async throws -> Committed<[FleetModel]> {
        try await database.read { [epoch] database in
            let known = Set(try Store.knownModels(database))
            var workers: [String: Int] = [:]
            for worker in try WorkerRow.all(database) {
                for name in worker.namesOfRequests { workers[name, default: 0] += 1 }
            }
            let models = known.union(workers.keys).sorted().map { name in
                FleetModel(name: name, workers: workers[name] ?? 0, isKnown: known.contains(name))
            }
            return Committed(models, version: try Store.version(database, epoch: epoch), isChange: false)
        }
    }

    /// Forgets a model that no worker serves: requests for it are answered as for any name that nobody has had.
    ///
    /// - Throws: ``StoreError/modelNotKnown(_:)``, ``StoreError/modelServed(_:workers:)``.
    public func forgetModel(_ model: String, origin: AuditOrigin) async throws -> SnapshotVersion {
        try await write { [epoch] database in
            let workers = try WorkerRow.all(database).count { $0.namesOfRequests.contains(model) }
            guard workers == 0 else { throw StoreError.modelServed(model, workers: workers) }
            try database.execute(sql: "DELETE FROM known_model WHERE model = ?", arguments: [model])
            guard database.changesCount > 0 else { throw StoreError.modelNotKnown(model) }
            let change = AuditedChange(action: .modelForgotten, subject: "model \(model)")
            return try Store.record(change, origin: origin, epoch: epoch, in: database)
        }
    }

    /// Remembers the models of a worker that gets requests from now on, and those of the others, when they differ.
    ///
    /// One other worker is enough to compare with: others that differ from that one are remembered already.
    static func rememberModels(of worker: Worker, _ database: Database) throws {
        let names = worker.namesOfRequests
        guard !names.isEmpty,
            let other = try WorkerRow.anotherWithModels(worker.incarnation, database)?.namesOfRequests,
            other != names
        else { return }
        try remember(names.union(other), database)
        let count = try Int.fetchOne(database, sql: "SELECT count(*) FROM known_model") ?? 0
        guard count > knownModelsMax else { return }
        // Those first that nobody serves, and of them the ones that have been known longest.
        let served = try WorkerRow.all(database).reduce(into: Set<String>()) { $0.formUnion($1.namesOfRequests) }
        let known = try String.fetchAll(database, sql: "SELECT model FROM known_model ORDER BY position")
        let leaving = known.filter { !served.contains($0) } + known.filter(served.contains)
        for model in leaving.prefix(count - knownModelsMax) {
            try database.execute(sql: "DELETE FROM known_model WHERE model = ?", arguments: [model])
        }
    }

    /// Writes names that are not known yet; a form of Unicode of a known one is no other name.
    static func remember(_ names: Set<String>, _ database: Database) throws {
        let known = Set(try knownModels(database))
        for name in names.subtracting(known).sorted() where isRememberable(name) {
            try database.execute(sql: "INSERT INTO known_model (model) VALUES (?)", arguments: [name])
        }
    }

    /// Workers may say anything, and the database ends a text at its first NUL.
    private static func isRememberable(_ name: String) -> Bool {
        (1...modelBytesMax).contains(name.utf8.count) && !name.utf8.contains(0)
    }

    /// Sorted by the bytes of their names.
    static func knownModels(_ database: Database) throws -> [String] {
        try String.fetchAll(database, sql: "SELECT model FROM known_model ORDER BY model")
    }
}

extension Worker {
    /// The models for which it gets requests: none while it is being removed, and as a worker of another role than theirs.
    fileprivate var namesOfRequests: Set<String> { drain == nil && role == .regular ? servedModelNames : [] }
}
