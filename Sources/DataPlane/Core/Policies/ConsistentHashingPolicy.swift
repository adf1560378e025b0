/// Requests with the same key go to the same worker (specification section 3.5): the worker that `X-SMG-Target-Worker` names
/// by its number among those of the model, else the one to which the key belongs in `X-SMG-Routing-Key`, else of what tells clients apart
/// (`Authorization`, `X-Forwarded-For`, `Cookie`), else any.
enum ConsistentHashingPolicy {
    static func pick(
        from ready: [Int],
        of workers: [RoutedWorker],
        _ filter: WorkerFilter,
        _ facts: RoutingFacts,
        rendezvous: Rendezvous,
        using generator: inout some RandomNumberGenerator
    ) -> Int? {
        if let target = facts.target {
            // The number counts all workers, so that it means the same while others are unhealthy.
            guard let index = rendezvous.index(at: target), ready.contains(index), filter.admits(workers[index]) else {
                return nil
            }
            return index
        }
        guard let key = facts.key else {
            return RandomPolicy.pickByWeight(from: ready, of: workers, filter, using: &generator)
        }
        return rendezvous.first(for: key) { ready.contains($0) && filter.admits(workers[$0]) }
    }
}
