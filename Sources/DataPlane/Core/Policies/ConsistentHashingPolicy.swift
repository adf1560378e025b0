/// Requests with the same key go to the same worker (specification section 3.5): the worker that `X-SMG-Target-Worker` names
/// by its number, else the one on the ring of the key in `X-SMG-Routing-Key`, else of what tells clients apart
/// (`Authorization`, `X-Forwarded-For`, `Cookie`), else any.
enum ConsistentHashingPolicy {
    static func pick(
        from ready: [Int],
        of workers: [RoutedWorker],
        _ filter: WorkerFilter,
        _ facts: RoutingFacts,
        ring: HashRing,
        using generator: inout some RandomNumberGenerator
    ) -> Int? {
        if let target = facts.target {
            // The number counts all workers, so that it means the same while others are unhealthy.
            guard ready.contains(target), filter.admits(workers[target]) else { return nil }
            return target
        }
        guard let key = facts.key else { return RandomPolicy.pick(from: ready, of: workers, filter, using: &generator) }
        return ring.first(from: key) { ready.contains($0) && filter.admits(workers[$0]) }
    }
}
