import Synchronization

/// The learned limits of all workers that say none, shared by the threads of a data plane.
///
/// A request adds its duration to two words beside its worker's load; only the one that completes a window takes a lock,
/// and one whose client has left.
public final class WorkerLimits: Sendable {
    private let loads: WorkerLoads
    private let workers = Mutex<[Int: Learned]>([:])

    /// What is known of the worker in one slot.
    private struct Learned {
        var estimator = ConcurrencyEstimator()
        /// Nil: nobody knows, so the first window says nothing of the throughput.
        var windowBegan: MonotonicTime?
    }

    init(loads: WorkerLoads) {
        self.loads = loads
    }

    /// A request of the worker in `slot` has got its whole answer.
    func completed(slot: Int, placedAt: MonotonicTime, at now: MonotonicTime) {
        ended(slot: slot, isAbandoned: false, placedAt: placedAt, at: now)
    }

    /// The client of a request of the worker in `slot` has left before the answer began.
    ///
    /// It would have taken longer, so it only counts when it took longer than the others at best: clients that soon
    /// change their minds do not make the worker look fast.
    func abandoned(slot: Int, placedAt: MonotonicTime, at now: MonotonicTime) {
        let estimator = workers.withLock { $0[slot]?.estimator }
        guard let estimator, let best = estimator.bestMilliseconds,
            Double(now.milliseconds - placedAt.milliseconds) > best
        else { return }
        let leaversMax = estimator.isEagerForLeavers ? ConcurrencyEstimator.leaversMax : .max
        ended(slot: slot, isAbandoned: true, leaversMax: leaversMax, placedAt: placedAt, at: now)
    }

    private func ended(
        slot: Int,
        isAbandoned: Bool,
        leaversMax: Int = .max,
        placedAt: MonotonicTime,
        at now: MonotonicTime
    ) {
        let took = now.milliseconds - placedAt.milliseconds
        let requests = ConcurrencyEstimator.windowRequests(limit: loads.learnedMax(slot: slot))
        let counts = loads.addDuration(
            took,
            slot: slot,
            isAbandoned: isAbandoned,
            windowRequests: requests,
            leaversMax: leaversMax
        )
        guard let counts else { return }
        workers.withLock { workers in
            var worker = workers[slot] ?? Learned()
            let window = DurationWindow(
                requests: counts.requests,
                abandoned: counts.abandoned,
                totalMilliseconds: counts.milliseconds,
                elapsedMilliseconds: worker.windowBegan.map { Double(now.milliseconds - $0.milliseconds) } ?? .infinity
            )
            worker.estimator.windowEnded(window, inFlight: loads.inFlight(slot: slot))
            worker.windowBegan = now
            workers[slot] = worker
            loads.setLearnedMax(worker.estimator.limit, slot: slot)
        }
    }

    /// The slot gets another worker.
    func forget(slot: Int) {
        workers.withLock { workers in
            workers[slot] = nil
            loads.setLearnedMax(0, slot: slot)
        }
    }
}
