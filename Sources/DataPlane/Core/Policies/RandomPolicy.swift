/// Any worker.
enum RandomPolicy {
    /// Each as likely as its weight says.
    static func pickByWeight(
        from ready: [Int],
        of workers: [RoutedWorker],
        _ filter: WorkerFilter,
        using generator: inout some RandomNumberGenerator
    ) -> Int? {
        var weights = 0
        for index in ready where filter.admits(workers[index]) { weights += workers[index].weight }
        guard weights > 0 else { return nil }
        var position = Int.random(in: 0..<weights, using: &generator)
        var last: Int?
        // Who is admitted may change in between.
        for index in ready where filter.admits(workers[index]) {
            last = index
            position -= workers[index].weight
            if position < 0 { break }
        }
        return last
    }

    /// All equally likely.
    static func pick(
        from ready: [Int],
        of workers: [RoutedWorker],
        _ filter: WorkerFilter,
        using generator: inout some RandomNumberGenerator
    ) -> Int? {
        let first = ready[Int.random(in: 0..<ready.count, using: &generator)]
        if filter.admits(workers[first]) { return first }
        // The next one in order would get the share of its neighbour, too.
        var picked: Int?
        var count = 0
        for index in ready where filter.admits(workers[index]) {
            count += 1
            if Int.random(in: 0..<count, using: &generator) == 0 { picked = index }
        }
        return picked
    }
}
