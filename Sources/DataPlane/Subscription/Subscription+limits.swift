import DataPlaneCore
import Logging
import SignalboxProtocol

/// The limits that are learned for workers that say none.
extension Subscription {
    /// How often they are looked at, in milliseconds.
    private static let limitsIntervalMilliseconds = 500

    /// Ends limits that have nothing to say for themselves any more, and logs which workers get one or lose it.
    func reviewLimits() {
        let now = EpollReactor.clock()
        guard now >= limitsDueAt, let table = update?.update.table else { return }
        limitsDueAt = now.adding(milliseconds: Subscription.limitsIntervalMilliseconds)
        shared.limits.review(at: now)
        let before = limited
        limited = []
        for worker in table.workers {
            let limit = shared.learnedLimit(of: worker)
            if limit > 0 { limited.insert(worker.incarnation) }
            guard before.contains(worker.incarnation) != (limit > 0) else { continue }
            logger.notice(
                limit > 0
                    ? "Clients leave the worker unanswered: it gets \(limit) requests at one time for now."
                    : "The worker has no learned limit any more.",
                metadata: ["worker": "\(worker.endpoint.authority)", "incarnation": "\(worker.incarnation)"]
            )
        }
    }
}
