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
            for worker in try WorkerRow.all(database) where worker.drain == nil {
                for name in worker.servedModelNames { workers[name, default: 0] += 1 }
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
            guard try Store.knownModels(database).contains(model) else { throw StoreError.modelNotKnown(model) }
            let workers = try WorkerRow.all(database).count {
                $0.drain == nil && $0.servedModelNames.contains(model)
            }
            guard workers == 0 else { throw StoreError.modelServed(model, workers: workers) }
            try database.execute(sql: "DELETE FROM known_model WHERE model = ?", arguments: [model])
            let change = AuditedChange(action: .modelForgotten, subject: "model \(model)")
            return try Store.record(change, origin: origin, epoch: epoch, in: database)
        }
    }

    /// Remembers the models of a worker that gets requests from now on, and those of the others, when they differ.
    ///
    /// One other worker is enough to compare with: others that differ from that one are remembered already.
    static func rememberModels(of worker: Worker, _ database: Database) throws {
        let names = worker.servedModelNames
        guard worker.drain == nil, !names.isEmpty,
            let other = try WorkerRow.anotherWithModels(worker.incarnation, database)?.servedModelNames, other != names
        else { return }
        for name in names.union(other).sorted() where name.utf8.count <= modelBytesMax {
            // Forms of Unicode are no other name.
            guard try !knownModels(database).contains(where: { $0 == name && !$0.utf8.elementsEqual(name.utf8) }) else {
                continue
            }
            try database.execute(sql: "DELETE FROM known_model WHERE model = ?", arguments: [name])
            try database.execute(sql: "INSERT INTO known_model (model) VALUES (?)", arguments: [name])
        }
        try database.execute(
            sql: """
                DELETE FROM known_model WHERE position NOT IN
                    (SELECT position FROM known_model ORDER BY position DESC LIMIT \(knownModelsMax))
                """
        )
    }

    /// Sorted by the bytes of their names.
    static func knownModels(_ database: Database) throws -> [String] {
        try String.fetchAll(database, sql: "SELECT model FROM known_model ORDER BY model")
    }
}
