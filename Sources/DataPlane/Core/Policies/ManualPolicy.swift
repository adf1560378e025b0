import SignalboxProtocol

/// A key stays with the worker that it was given to first (specification section 3.5); workers that come never move keys.
/// While that one takes no request a second one stands in, and the key returns to the first when it can.
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
        case .random: return RandomPolicy.pickByWeight(from: ready, of: workers, filter, using: &generator)
        case .fewestRequests: return LeastLoadPolicy.pick(from: ready, of: workers, filter, cursor: cursor)
        case .fewestKeys:
            let counts = keys.countsByWorker()
            // The key itself counts, so that among workers without any the heavier one is preferred.
            func count(_ index: Int) -> Int { counts[workers[index].lease.token, default: 0] + 1 }
            return ready.filter { filter.admits(workers[$0]) }
                .min { count($0) * workers[$1].weight < count($1) * workers[$0].weight }
        }
    }

    /// Remembers where the key went.
    func placed(_ worker: RoutedWorker, _ facts: RoutingFacts, at now: MonotonicTime) {
        guard facts.isExplicitKey, let key = facts.key else { return }
        keys.assign(key, to: worker.lease.token, at: now)
    }
}
