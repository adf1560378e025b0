public import ControlPlaneCore
import GRDB
public import SignalboxProtocol
import Telemetry

extension Store {
    /// All registered workers in the order in which they were added.
    public func workers() async throws -> [Worker] {
        try await database.read(WorkerRow.all)
    }

    /// All registered workers with the version that shows them.
    public func workersWithVersion() async throws -> Committed<[Worker]> {
        try await database.read { [epoch] database in
            Committed(
                try WorkerRow.all(database),
                version: try Store.version(database, epoch: epoch),
                isChange: false
            )
        }
    }

    /// The worker that `reference` names; nil when none is registered.
    public func worker(_ reference: WorkerReference) async throws -> Committed<Worker>? {
        try await database.read { [epoch] database in
            guard let worker = try WorkerRow.find(reference, database) else { return nil }
            return Committed(worker, version: try Store.version(database, epoch: epoch), isChange: false)
        }
    }

    /// Registers a worker with a new id and incarnation.
    ///
    /// - Parameters:
    ///   - firstReadyAt: set when it is known to be ready already, or needs no probe.
    ///   - models: what it said about its models, when it was asked already.
    /// - Throws: ``StoreError/workerExists(_:)``, ``StoreError/workersMaxReached``.
    public func addWorker(
        _ registration: WorkerRegistration,
        firstReadyAt: Int64? = nil,
        models: DiscoveredModels? = nil,
        origin: AuditOrigin
    ) async throws -> Committed<Worker> {
        try await write { [epoch] database in
            try Store.insert(registration, firstReadyAt: firstReadyAt, models: models, origin: origin, epoch, database)
        }
    }

    /// Registers many workers in one transaction; one that cannot be registered harms no other.
    func addWorkers(
        _ registrations: [WorkerRegistration],
        firstReadyAt: Int64?,
        origin: AuditOrigin
    ) async throws -> [Result<Committed<Worker>, StoreError>] {
        try await write { [epoch] database in
            try registrations.map { registration in
                do {
                    // What is refused has written nothing yet.
                    return .success(
                        try Store.insert(
                            registration,
                            firstReadyAt: firstReadyAt,
                            models: nil,
                            origin: origin,
                            epoch,
                            database
                        )
                    )
                } catch let error as StoreError {
                    return .failure(error)
                }
            }
        }
    }

    private static func insert(
        _ registration: WorkerRegistration,
        firstReadyAt: Int64?,
        models: DiscoveredModels?,
        origin: AuditOrigin,
        _ epoch: Epoch,
        _ database: Database
    ) throws -> Committed<Worker> {
        if let existing = try WorkerRow.find(.url(registration.url), database), existing.intent == .active {
            throw StoreError.workerExists(existing.id)
        }
        // Before the index of pods refuses it, which would undo all of its transaction.
        if let pod = registration.pod, let existing = try WorkerRow.find(pod, database) {
            throw StoreError.workerExists(existing.id)
        }
        let count = try Int.fetchOne(database, sql: "SELECT count(*) FROM worker") ?? 0
        guard count < Snapshot.workersMax else { throw StoreError.workersMaxReached }
        var generator = SystemRandomNumberGenerator()
        var worker = Worker(
            id: .random(using: &generator),
            incarnation: .random(using: &generator),
            url: registration.url,
            urlGiven: registration.urlGiven,
            source: registration.source,
            role: registration.role,
            properties: registration.properties,
            modelGiven: registration.modelGiven,
            pod: registration.pod,
            bootstrapPort: registration.bootstrapPort,
            addedAt: Timestamp.nowMilliseconds(),
            firstReadyAt: firstReadyAt
        )
        if let models { worker.take(models) }
        try WorkerRow.insert(worker, database)
        try rememberModels(of: worker, database)
        let change = AuditedChange(action: .workerAdded, subject: worker.url.description, after: worker.auditValue)
        return Committed(worker, version: try record(change, origin: origin, epoch: epoch, in: database))
    }

    /// Ends a registration at once: there is no data plane that could have requests at the worker.
    ///
    /// - Throws: ``StoreError/workerNotFound(_:)``.
    public func removeWorker(
        _ reference: WorkerReference,
        reason: String? = nil,
        origin: AuditOrigin
    ) async throws -> Committed<Worker> {
        try await write { [epoch] database in
            guard let worker = try WorkerRow.find(reference, database) else {
                throw StoreError.workerNotFound(reference)
            }
            return try Store.delete(worker, reason: reason, origin: origin, epoch, database)
        }
    }

    static func delete(
        _ worker: Worker,
        reason: String?,
        origin: AuditOrigin,
        _ epoch: Epoch,
        _ database: Database
    ) throws -> Committed<Worker> {
        try WorkerRow.delete(worker, database)
        let change = AuditedChange(
            action: .workerRemoved,
            subject: worker.url.description,
            before: worker.auditValue,
            reason: reason
        )
        return Committed(worker, version: try record(change, origin: origin, epoch: epoch, in: database))
    }

    /// Changes what operators may change of a registered worker.
    ///
    /// - Throws: ``StoreError/workerNotFound(_:)``.
    public func updateWorker(
        _ reference: WorkerReference,
        _ change: WorkerChange,
        origin: AuditOrigin
    ) async throws -> Committed<Worker> {
        try await write { [epoch] database in
            guard let worker = try WorkerRow.find(reference, database) else {
                throw StoreError.workerNotFound(reference)
            }
            return try Store.change(worker, action: .workerUpdated, origin: origin, epoch, database) { worker in
                worker.properties = change.applied(to: worker.properties)
            }
        }
    }

    /// Stores that an incarnation is ready for the first time; later observations never touch the database.
    ///
    /// - Returns: nil when the incarnation is not registered any more.
    public func recordReady(
        _ incarnation: IncarnationID,
        at milliseconds: Int64,
        models: DiscoveredModels?
    ) async throws -> Committed<Worker>? {
        try await write { [epoch] database in
            guard let worker = try WorkerRow.find(incarnation, database) else { return nil }
            return try Store.change(worker, action: .workerReady, origin: .controlPlane, epoch, database) { worker in
                worker.firstReadyAt = worker.firstReadyAt ?? milliseconds
                if let models { worker.take(models) }
            }
        }
    }

    /// Stores what a worker says about its models, if that is news.
    ///
    /// - Returns: nil when the incarnation is not registered any more.
    public func recordModels(
        _ incarnation: IncarnationID,
        _ models: DiscoveredModels
    ) async throws -> Committed<Worker>? {
        try await write { [epoch] database in
            guard let worker = try WorkerRow.find(incarnation, database) else { return nil }
            return try Store.change(worker, action: .workerModels, origin: .controlPlane, epoch, database) { worker in
                worker.take(models)
            }
        }
    }

    /// Stores what keeps requests from workers, for the next process; nil: nothing does any more.
    ///
    /// It is an observation and no intent: it makes neither a version nor an audit row.
    public func recordHolds(_ holds: [IncarnationID: HealthHold?]) async throws {
        try await write { database in
            for (incarnation, hold) in holds { try WorkerRow.update(incarnation, hold, database) }
        }
    }

    /// Stores the worker as `edit` makes it; an edit without effect makes neither a version nor an audit row.
    static func change(
        _ worker: Worker,
        action: AuditAction,
        reason: String? = nil,
        origin: AuditOrigin,
        _ epoch: Epoch,
        _ database: Database,
        edit: (inout Worker) -> Void
    ) throws -> Committed<Worker> {
        var changed = worker
        edit(&changed)
        guard changed != worker else {
            return Committed(worker, version: try version(database, epoch: epoch), isChange: false)
        }
        try WorkerRow.update(changed, database)
        if changed.servedModelNames != worker.servedModelNames || worker.drain != nil && changed.drain == nil {
            try rememberModels(of: changed, database)
        }
        let change = AuditedChange(
            action: action,
            subject: worker.url.description,
            before: worker.auditValue,
            after: changed.auditValue,
            reason: reason
        )
        return Committed(changed, version: try record(change, origin: origin, epoch: epoch, in: database))
    }

    /// Makes the workers of source `cli` those that the command line lists, in its order, in one transaction.
    ///
    /// - Parameter firstReadyAt: set when workers are not probed at all.
    public func reconcileCommandLineWorkers(
        _ listed: [WorkerRegistration],
        firstReadyAt: Int64? = nil
    ) async throws -> [Committed<Worker>] {
        try await write { [epoch] database in
            let plan = CommandLineReconciliation(listed: listed, registered: try WorkerRow.all(database))
            let removed = try plan.removed.map { worker in
                let reason = "no longer listed by --worker-urls"
                return try Store.drain(worker, .standard, reason: reason, origin: .commandLine, epoch, database)
            }
            let added = try plan.added.map { registration in
                try Store.insert(
                    registration,
                    firstReadyAt: firstReadyAt,
                    models: nil,
                    origin: .commandLine,
                    epoch,
                    database
                )
            }
            return removed + added
        }
    }
}
