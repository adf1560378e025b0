import Synchronization

/// The learned limits of all workers that say none, shared by the threads of a data plane.
///
/// A request adds its duration to two words beside its worker's load; only the one that completes a window takes a lock.
public final class WorkerLimits: Sendable {
    private let loads: WorkerLoads
    private let estimators = Mutex<[Int: ConcurrencyEstimator]>([:])

    init(loads: WorkerLoads) {
        self.loads = loads
    }

    /// A request of the worker in `slot` has got its whole answer.
    func completed(slot: Int, milliseconds: Int) {
        guard let window = loads.addDuration(milliseconds, slot: slot, windowRequests: windowRequests(slot)) else {
            return
        }
        let average = Double(window.milliseconds) / Double(window.requests)
        estimators.withLock { estimators in
            var estimator = estimators[slot] ?? ConcurrencyEstimator()
            estimator.windowEnded(averageMilliseconds: average, inFlight: loads.inFlight(slot: slot))
            estimators[slot] = estimator
            loads.setLearnedMax(estimator.limit, slot: slot)
        }
    }

    /// The slot gets another worker.
    func forget(slot: Int) {
        estimators.withLock { estimators in
            estimators[slot] = nil
            loads.setLearnedMax(0, slot: slot)
        }
    }

    /// A window is long enough for all that are in flight to have been replaced.
    private func windowRequests(_ slot: Int) -> Int {
        max(ConcurrencyEstimator.windowRequests, loads.inFlight(slot: slot))
    }
}
