import ControlPlaneCore
import Logging
import SignalboxProtocol
import Synchronization

/// Carries the removal of workers through: looks at every draining worker when a data plane has news or a time is over.
///
/// It holds no state of its own beyond the next alarm: what drains is in the database, what data planes do is in their
/// reports.
final class WorkerDrains: Sendable {
    /// How long data planes of an earlier run may take to connect again.
    static let settlingMilliseconds: Int64 = 3_000
    /// Wait before another try when the database fails.
    private static let retryMilliseconds: Int64 = 1_000

    private let store: Store
    private let changes: FleetChanges
    private let traffic: @Sendable () -> [DataPlaneTraffic]
    /// Called when an incarnation has gone for good.
    private let removed: @Sendable (IncarnationID) -> Void
    private let logger: Logger
    private let settledAt: Int64
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation
    private let tasks = Mutex<(run: Task<Void, Never>?, alarm: Task<Void, Never>?)>((nil, nil))
    private let isIdle = Atomic<Bool>(false)

    /// - Parameter isNew: the database was just created, so no data plane can have been told of its workers before.
    init(
        store: Store,
        changes: FleetChanges,
        isNew: Bool,
        logger: Logger,
        removed: @escaping @Sendable (IncarnationID) -> Void,
        traffic: @escaping @Sendable () -> [DataPlaneTraffic]
    ) {
        self.store = store
        self.changes = changes
        self.traffic = traffic
        self.removed = removed
        self.logger = logger
        settledAt = isNew ? 0 : SteadyTime.nowMilliseconds() + WorkerDrains.settlingMilliseconds
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Begins to carry out what drains, also from before a restart.
    func start() {
        let run = Task {
            for await _ in wakes { await self.review() }
        }
        tasks.withLock { $0.run = run }
        began()
    }

    func stop() {
        wake.finish()
        let (run, alarm) = tasks.withLock { $0 }
        run?.cancel()
        alarm?.cancel()
    }

    /// A worker has begun to drain, or was cut.
    func began() {
        isIdle.store(false, ordering: .relaxed)
        wake.yield()
    }

    /// A data plane has told something, or has gone.
    func trafficChanged() {
        guard !isIdle.load(ordering: .relaxed) else { return }
        wake.yield()
    }

    /// Whether no data plane can have requests at any worker.
    var isWithoutDataPlanes: Bool {
        SteadyTime.nowMilliseconds() >= settledAt && traffic().isEmpty
    }

    private func review() async {
        do {
            let draining = try await store.workers().filter { $0.drain != nil }
            // What begins to drain after this look wakes for another one.
            isIdle.store(draining.isEmpty, ordering: .relaxed)
            guard !draining.isEmpty else { return }
            let now = SteadyTime.nowMilliseconds()
            let planes = traffic()
            var next = Int64.max
            for worker in draining {
                next = min(next, try await step(worker, planes, at: now) ?? now)
            }
            if next < .max { setAlarm(at: max(next, now), from: now) }
        } catch is CancellationError {
            // The control plane ends; its successor goes on with what drains.
        } catch {
            logger.error("A draining worker cannot be removed.", metadata: ["error": "\(error)"])
            let now = SteadyTime.nowMilliseconds()
            setAlarm(at: now + WorkerDrains.retryMilliseconds, from: now)
        }
    }

    /// - Returns: when to look again at the latest; nil when something was done, so that there may be more to do at once.
    private func step(_ worker: Worker, _ planes: [DataPlaneTraffic], at now: Int64) async throws -> Int64? {
        guard let drain = worker.drain else { return .max }
        let step = DrainStep(
            worker.incarnation,
            drain,
            epoch: store.epoch,
            planes: planes,
            settledAt: settledAt,
            at: now
        )
        switch step {
        case .wait(let until):
            return until
        case .cut:
            let reason = "its time to drain was over"
            guard try await store.cutWorker(worker.incarnation, drain.sequence, reason: reason) != nil else {
                return nil
            }
            changes.versionCommitted()
            logger.notice("The requests of a draining worker are cut.", metadata: ["worker.url": "\(worker.url)"])
            return nil
        case .remove(let reason):
            guard try await store.removeDrained(worker.incarnation, drain.sequence, reason: reason) != nil else {
                return nil
            }
            removed(worker.incarnation)
            changes.versionCommitted()
            logger.notice(
                "A worker was removed.",
                metadata: ["worker.url": "\(worker.url)", "reason": "\(reason)"]
            )
            return .max
        }
    }

    private func setAlarm(at next: Int64, from now: Int64) {
        let alarm = Task {
            try? await Task.sleep(for: .milliseconds(next - now))
            if !Task.isCancelled { wake.yield() }
        }
        tasks.withLock { tasks in
            tasks.alarm?.cancel()
            tasks.alarm = alarm
        }
    }
}
