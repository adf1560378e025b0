/// Of two workers chosen at random the one with less to do for its weight (specification section 3.5): by the tokens that both
/// have told lately, else by the requests in flight from all data planes.
enum PowerOfTwoPolicy {
    static func pick(
        from ready: [Int],
        of workers: [RoutedWorker],
        _ filter: WorkerFilter,
        using generator: inout some RandomNumberGenerator
    ) -> Int? {
        guard let first = RandomPolicy.pick(from: ready, of: workers, filter, using: &generator) else { return nil }
        guard ready.count > 1 else { return first }
        // Another one than the first, all of them equally likely.
        var position = Int.random(in: 0..<ready.count - 1, using: &generator)
        if ready[position] == first { position = ready.count - 1 }
        let second = ready[position]
        guard second != first, filter.admits(workers[second]) else { return first }
        let (one, other) = (workers[first], workers[second])
        if let firstTokens = filter.loads.toldTokens(slot: one.lease.slot, at: filter.now),
            let secondTokens = filter.loads.toldTokens(slot: other.lease.slot, at: filter.now),
            firstTokens != secondTokens
        {
            return firstTokens * other.weight <= secondTokens * one.weight ? first : second
        }
        let firstLoad = (filter.loads.fleetInFlight(slot: one.lease.slot) + 1) * other.weight
        let secondLoad = (filter.loads.fleetInFlight(slot: other.lease.slot) + 1) * one.weight
        return firstLoad <= secondLoad ? first : second
    }
}
