/// The worker with the fewest requests in flight for its weight.
enum LeastLoadPolicy {
    /// - Parameter cursor: by which equals take turns; nil: the first of them is picked.
    static func pick(
        from ready: [Int],
        of workers: [RoutedWorker],
        _ filter: WorkerFilter,
        cursor: PolicyCursor?
    ) -> Int? {
        var position = cursor.map { Int($0.advance() % UInt64(ready.count)) } ?? 0
        var best: Int?
        var bestLoad = Int.max
        var bestWeight = 1
        for _ in ready {
            let index = ready[position]
            // The request itself counts, so that among idle workers the heavier one is preferred.
            let load = filter.loads.fleetInFlight(slot: workers[index].lease.slot) + 1
            let weight = workers[index].weight
            let isLess = best == nil || load * bestWeight < bestLoad * weight
            if isLess && filter.admits(workers[index]) {
                best = index
                bestLoad = load
                bestWeight = weight
            }
            position = position + 1 == ready.count ? 0 : position + 1
        }
        return best
    }
}
