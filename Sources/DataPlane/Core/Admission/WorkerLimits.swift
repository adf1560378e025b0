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
        /// How long the clients waited that have left in the present window.
        var abandonedMilliseconds = 0
    }

    init(loads: WorkerLoads) {
        self.loads = loads
    }

    /// A request of the worker in `slot` has got its whole answer.
    func completed(slot: Int, placedAt: MonotonicTime, at now: MonotonicTime) {
        let took = now.milliseconds - placedAt.milliseconds
        ended(slot: slot, isAbandoned: false, milliseconds: took, at: now)
    }

    /// The client of a request of the worker in `slot` has left before the answer began.
    ///
    /// It would have taken longer, so it only counts when it took longer than the others at best: clients that soon
    /// change their minds do not make the worker look fast.
    func abandoned(slot: Int, placedAt: MonotonicTime, at now: MonotonicTime) {
        let waited = now.milliseconds - placedAt.milliseconds
        let leaversMax: Int? = workers.withLock { workers in
            guard let estimator = workers[slot]?.estimator, let best = estimator.bestMilliseconds, Double(waited) > best
            else { return nil }
            workers[slot]?.abandonedMilliseconds += waited
            return estimator.isEagerForLeavers ? ConcurrencyEstimator.leaversMax : .max
        }
        guard let leaversMax else { return }
        ended(slot: slot, isAbandoned: true, leaversMax: leaversMax, milliseconds: 0, at: now)
    }

    private func ended(slot: Int, isAbandoned: Bool, leaversMax: Int = .max, milliseconds: Int, at now: MonotonicTime) {
        let counts = loads.addDuration(
            milliseconds,
            slot: slot,
            isAbandoned: isAbandoned,
            windowRequests: ConcurrencyEstimator.windowRequests(limit: loads.learnedMax(slot: slot)),
            leaversMax: leaversMax
        )
        guard let counts else { return }
        workers.withLock { workers in
            var worker = workers[slot] ?? Learned()
            let window = DurationWindow(
                requests: counts.requests,
                abandoned: counts.abandoned,
                completedMilliseconds: counts.milliseconds,
                abandonedMilliseconds: worker.abandonedMilliseconds,
                elapsedMilliseconds: worker.windowBegan.map { Double(now.milliseconds - $0.milliseconds) } ?? .infinity
            )
            worker.estimator.windowEnded(window, inFlight: loads.inFlight(slot: slot))
            worker.windowBegan = now
            worker.abandonedMilliseconds = 0
            workers[slot] = worker
            loads.setLearnedMax(worker.estimator.limit, slot: slot)
        }
    }

    /// Drops the limits of which nothing was seen for long. To be called every second or so.
    public func review(at now: MonotonicTime) {
        workers.withLock { workers in
            for (slot, worker) in workers where worker.estimator.limit > 0 {
                let silence = worker.windowBegan.map { Double(now.milliseconds - $0.milliseconds) } ?? 0
                workers[slot]?.estimator.wasSilent(milliseconds: silence, inFlight: loads.inFlight(slot: slot))
                loads.setLearnedMax(workers[slot]?.estimator.limit ?? 0, slot: slot)
            }
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
