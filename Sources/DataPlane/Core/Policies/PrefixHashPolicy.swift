import SignalboxProtocol

/// The worker to which the first 256 tokens of the text belong, unless it has more than its share of the requests: then the
/// least loaded one (specification section 3.5, bounded load).
enum PrefixHashPolicy {
    /// Bytes of the text that count: 256 tokens.
    static let prefixBytes = 1024

    static func pick(
        from ready: [Int],
        of workers: [RoutedWorker],
        _ filter: WorkerFilter,
        _ facts: inout RoutingFacts,
        rendezvous: Rendezvous,
        loadFactor: Double,
        cursor: PolicyCursor
    ) -> Int? {
        facts.reason = .load
        guard !facts.text.isEmpty else {
            return LeastLoadPolicy.pick(from: ready, of: workers, filter, cursor: cursor)
        }
        var total = 1
        var weights = 0
        for index in ready {
            total += filter.loads.fleetInFlight(slot: workers[index].lease.slot)
            weights += workers[index].weight
        }
        let share = Double(total) / Double(weights) * loadFactor
        let length = min(facts.text.count, prefixBytes)
        let key = BlockHasher.hash(facts.text.span, 0..<length)
        let chosen = rendezvous.first(for: key) { ready.contains($0) && filter.admits(workers[$0]) }
        if let chosen {
            let load = Double(filter.loads.fleetInFlight(slot: workers[chosen].lease.slot) + 1)
            if load <= max(1, share * Double(workers[chosen].weight)) {
                facts.reason = .prefix
                return chosen
            }
        }
        return LeastLoadPolicy.pick(from: ready, of: workers, filter, cursor: cursor)
    }
}
