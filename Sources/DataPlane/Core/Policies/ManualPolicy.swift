import SignalboxProtocol

/// A key stays with the worker that it was given to first (specification section 3.5); workers that come never move keys. A
/// key whose worker is gone or takes no request gets another one.
struct ManualPolicy: Sendable {
    /// How a new key gets its worker.
    enum Assignment: Int, Sendable {
        case random
        /// The fewest requests in flight.
        case fewestRequests
        /// The fewest keys.
        case fewestKeys
    }

    let keys: StickyKeys
    let assignment: Assignment
    let idleMilliseconds: Int
    let cursor: PolicyCursor

    func pick(
        from ready: [Int],
        of workers: [RoutedWorker],
        _ filter: WorkerFilter,
        _ facts: inout RoutingFacts,
        using generator: inout some RandomNumberGenerator
    ) -> Int? {
        if facts.isExplicitKey, let key = facts.key,
            let token = keys.worker(of: key, idleMilliseconds: idleMilliseconds, at: filter.now),
            let index = ready.first(where: { workers[$0].lease.token == token }), filter.admits(workers[index])
        {
            facts.reason = .key
            return index
        }
        facts.reason = assignment == .random ? .chance : .load
        switch assignment {
        case .random: return RandomPolicy.pick(from: ready, of: workers, filter, using: &generator)
        case .fewestRequests: return LeastLoadPolicy.pick(from: ready, of: workers, filter, cursor: cursor)
        case .fewestKeys:
            let counts = keys.countsByWorker()
            return ready.filter { filter.admits(workers[$0]) }
                .min { counts[workers[$0].lease.token, default: 0] < counts[workers[$1].lease.token, default: 0] }
        }
    }

    /// Remembers where the key went.
    func placed(_ worker: RoutedWorker, _ facts: RoutingFacts, at now: MonotonicTime) {
        guard facts.isExplicitKey, let key = facts.key else { return }
        keys.assign(key, to: worker.lease.token, at: now)
    }
}
