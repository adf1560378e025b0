public import ControlPlaneCore
import GRDB
public import SignalboxProtocol

/// How long the requests of a worker that is removed may go on.
public enum DrainTime: Hashable, Sendable {
    /// As the setting `drain_timeout_milliseconds` says.
    case standard
    case milliseconds(Int)
    /// Not at all: they are cut.
    case none
}

extension Store {
    /// Begins to remove a worker: it gets nothing new, and what it does may end.
    ///
    /// A worker that drains already goes on as it is, unless a time is given: that counts from now on, and is a version of
    /// its own. With ``DrainTime/none`` it is cut. What is cut already stays so.
    /// - Throws: ``StoreError/workerNotFound(_:)``.
    public func drainWorker(
        _ reference: WorkerReference,
        _ time: DrainTime,
        reason: String? = nil,
        origin: AuditOrigin
    ) async throws -> Committed<Worker> {
        try await write { [epoch] database in
            guard let worker = try WorkerRow.find(reference, database) else {
                throw StoreError.workerNotFound(reference)
            }
            guard worker.drain != nil else {
                return try Store.drain(worker, time, reason: reason, origin: origin, epoch, database)
            }
            switch time {
            case .none, .milliseconds(0):
                return try Store.cut(worker, reason: "forced", origin: origin, epoch, database)
            case .milliseconds(let milliseconds) where worker.drain?.cutAt == nil:
                return try Store.setDeadline(worker, milliseconds, reason: reason, origin: origin, epoch, database)
            case .standard, .milliseconds:
                let version = try Store.version(database, epoch: epoch)
                return Committed(worker, version: version, isChange: false)
            }
        }
    }

    /// A worker that drains gets another deadline. Its new sequence makes what was decided by the old one void.
    private static func setDeadline(
        _ worker: Worker,
        _ milliseconds: Int,
        reason: String?,
        origin: AuditOrigin,
        _ epoch: Epoch,
        _ database: Database
    ) throws -> Committed<Worker> {
        let next = try version(database, epoch: epoch).sequence + 1
        return try change(worker, action: .workerDraining, reason: reason, origin: origin, epoch, database) { worker in
            worker.drain?.deadline = SteadyTime.nowMilliseconds() + Int64(milliseconds)
            worker.drain?.sequence = next
        }
    }

    /// Takes the removal of a worker back: the same incarnation gets requests again.
    ///
    /// - Throws: ``StoreError/workerNotFound(_:)``, ``StoreError/workerExists(_:)`` when its URL was added anew meanwhile,
    ///   ``StoreError/workerFollowsPod(_:)``.
    public func activateWorker(_ reference: WorkerReference, origin: AuditOrigin) async throws -> Committed<Worker> {
        try await write { [epoch] database in
            guard let worker = try WorkerRow.find(reference, database) else {
                throw StoreError.workerNotFound(reference)
            }
            if worker.drain != nil {
                guard worker.pod == nil else { throw StoreError.workerFollowsPod(worker.id) }
                if let other = try WorkerRow.find(.url(worker.url), database), other.intent == .active {
                    throw StoreError.workerExists(other.id)
                }
            }
            return try Store.change(worker, action: .workerActivated, origin: origin, epoch, database) { worker in
                worker.drain = nil
            }
        }
    }

    static func drain(
        _ worker: Worker,
        _ time: DrainTime,
        reason: String?,
        origin: AuditOrigin,
        _ epoch: Epoch,
        _ database: Database
    ) throws -> Committed<Worker> {
        let now = SteadyTime.nowMilliseconds()
        let milliseconds: Int
        switch time {
        case .standard: milliseconds = try settings(database).standard.drainTimeoutMilliseconds
        case .milliseconds(let given): milliseconds = given
        case .none: milliseconds = 0
        }
        let next = try version(database, epoch: epoch).sequence + 1
        return try change(worker, action: .workerDraining, reason: reason, origin: origin, epoch, database) { worker in
            worker.drain = WorkerDrain(
                beganAt: now,
                deadline: now + Int64(milliseconds),
                cutAt: milliseconds == 0 ? now : nil,
                sequence: next
            )
        }
    }

    /// The time of a worker that drains is over: data planes cut what it still does.
    ///
    /// - Parameter drain: the sequence of the drain that was judged.
    /// - Returns: nil when the incarnation does not drain any more, or that drain has changed.
    public func cutWorker(
        _ incarnation: IncarnationID,
        _ drain: UInt64,
        reason: String
    ) async throws -> Committed<Worker>? {
        try await write { [epoch] database in
            guard let worker = try WorkerRow.find(incarnation, database), worker.drain?.sequence == drain else {
                return nil
            }
            return try Store.cut(worker, reason: reason, origin: .controlPlane, epoch, database)
        }
    }

    private static func cut(
        _ worker: Worker,
        reason: String,
        origin: AuditOrigin,
        _ epoch: Epoch,
        _ database: Database
    ) throws -> Committed<Worker> {
        let next = try version(database, epoch: epoch).sequence + 1
        return try change(worker, action: .workerCut, reason: reason, origin: origin, epoch, database) { worker in
            guard worker.drain?.cutAt == nil else { return }
            worker.drain?.cutAt = SteadyTime.nowMilliseconds()
            worker.drain?.sequence = next
        }
    }

    /// A worker has drained: its registration ends.
    ///
    /// - Parameter drain: the sequence of the drain that was judged.
    /// - Returns: nil when the incarnation does not drain any more, or that drain has changed.
    public func removeDrained(
        _ incarnation: IncarnationID,
        _ drain: UInt64,
        reason: String
    ) async throws -> Committed<Worker>? {
        try await write { [epoch] database in
            guard let worker = try WorkerRow.find(incarnation, database), worker.drain?.sequence == drain else {
                return nil
            }
            return try Store.delete(worker, reason: reason, origin: .controlPlane, epoch, database)
        }
    }
}
