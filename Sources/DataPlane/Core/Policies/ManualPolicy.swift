import SignalboxProtocol

/// A key stays with the worker that it was given to first (specification section 3.5); workers that come never move keys.
/// While that one takes no request a second one stands in, and the key returns to the first when it can.
struct ManualPolicy: Sendable {
    /// How a new key gets its worker.
    enum Assignment: Int, Sendable {
        /// By the key and the worker's name and weight, so that all data planes draw the same.
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
    let rendezvous: Rendezvous

    func pick(
        from ready: [Int],
        of workers: [RoutedWorker],
        _ filter: WorkerFilter,
        _ facts: inout RoutingFacts,
        using generator: inout some RandomNumberGenerator
    ) -> Int? {
        if facts.isExplicitKey, let key = facts.key,
            let known = keys.workers(of: key, idleMilliseconds: idleMilliseconds, at: filter.now)
        {
            func admitted(_ token: UInt64) -> Int? {
                ready.first { workers[$0].lease.token == token && filter.admits(workers[$0]) }
            }
            if let index = admitted(known.first) ?? known.second.flatMap(admitted) {
                facts.reason = .key
                return index
            }
        }
        facts.reason = assignment == .random ? .chance : .load
        switch assignment {
        case .random:
            if facts.isExplicitKey, let key = facts.key {
                return rendezvous.first(for: key) { ready.contains($0) && filter.admits(workers[$0]) }
            }
            return RandomPolicy.pickByWeight(from: ready, of: workers, filter, using: &generator)
        case .fewestRequests: return LeastLoadPolicy.pick(from: ready, of: workers, filter, cursor: cursor)
        case .fewestKeys: return pickByKeys(from: ready, of: workers, filter)
        }
    }

    /// The worker with the fewest keys for its weight; among equals they take turns.
    private func pickByKeys(from ready: [Int], of workers: [RoutedWorker], _ filter: WorkerFilter) -> Int? {
        let start = Int(cursor.advance() % UInt64(ready.count))
        return keys.withCounts(idleMilliseconds: idleMilliseconds, at: filter.now) { counts in
            var best: (index: Int, count: Int, weight: Int)?
            for step in ready.indices {
                let index = ready[(start + step) % ready.count]
                // The key itself counts, so that among workers without any the heavier one is preferred.
                let count = counts[workers[index].lease.token, default: 0] + 1
                let weight = workers[index].weight
                let isLess = best.map { count * $0.weight < $0.count * weight } ?? true
                if isLess, filter.admits(workers[index]) { best = (index, count, weight) }
            }
            return best?.index
        }
    }

    /// Remembers where the key went.
    func placed(_ worker: RoutedWorker, _ facts: RoutingFacts, at now: MonotonicTime) {
        guard facts.isExplicitKey, let key = facts.key else { return }
        keys.assign(key, to: worker.lease.token, at: now)
    }
}
