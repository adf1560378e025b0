/// One worker after the other in the order of insertion, beginning with the first (specification section 3.1); those that
/// may not take the request are passed over.
enum RoundRobinPolicy {
    /// Weights are honoured without a state of its own: steps of the golden section go through the sum of the weights more evenly
    /// than any other steps, so that nobody's turns come in a row.
    static func pickByWeight(
        from ready: [Int],
        of workers: [RoutedWorker],
        _ filter: WorkerFilter,
        cursor: PolicyCursor
    ) -> Int? {
        var weights = 0
        for index in ready { weights += workers[index].weight }
        let step = cursor.advance() &* 0x9E37_79B9_7F4A_7C15
        var target = Int(step.multipliedFullWidth(by: UInt64(weights)).high)
        var position = 0
        while target >= workers[ready[position]].weight, position + 1 < ready.count {
            target -= workers[ready[position]].weight
            position += 1
        }
        return first(from: position, ready, workers, filter)
    }

    static func pick(
        from ready: [Int],
        of workers: [RoutedWorker],
        _ filter: WorkerFilter,
        cursor: PolicyCursor
    ) -> Int? {
        first(from: Int(cursor.advance() % UInt64(ready.count)), ready, workers, filter)
    }

    private static func first(
        from start: Int,
        _ ready: [Int],
        _ workers: [RoutedWorker],
        _ filter: WorkerFilter
    ) -> Int? {
        var position = start
        for _ in ready {
            if filter.admits(workers[ready[position]]) { return ready[position] }
            position = position + 1 == ready.count ? 0 : position + 1
        }
        return nil
    }
}
