/// One worker after the other in the order of insertion, beginning with the first (specification section 3.1); those that
/// may not take the request are passed over.
enum RoundRobinPolicy {
    static func pick(
        from ready: [Int],
        of workers: [RoutedWorker],
        _ filter: WorkerFilter,
        cursor: PolicyCursor
    ) -> Int? {
        var position = Int(cursor.advance() % UInt64(ready.count))
        for _ in ready {
            if filter.admits(workers[ready[position]]) { return ready[position] }
            position = position + 1 == ready.count ? 0 : position + 1
        }
        return nil
    }
}
