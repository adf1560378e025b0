/// Any worker, all equally likely.
enum RandomPolicy {
    static func pick(
        from ready: [Int],
        of workers: [RoutedWorker],
        _ filter: WorkerFilter,
        using generator: inout some RandomNumberGenerator
    ) -> Int? {
        let first = ready[Int.random(in: 0..<ready.count, using: &generator)]
        if filter.admits(workers[first]) { return first }
        // The next one in order would get the share of its neighbour, too.
        let admitted = ready.filter { filter.admits(workers[$0]) }
        return admitted.randomElement(using: &generator)
    }
}
