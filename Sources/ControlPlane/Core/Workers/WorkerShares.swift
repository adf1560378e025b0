import SignalboxProtocol

/// What share of the traffic each worker is to get, by all that operators say of it.
public enum WorkerShares {
    /// The priority of which nothing is to be made.
    public static let standardPriority = 50
    /// Cheaper workers are not told apart.
    private static let costMin = 0.01

    /// The weights that data planes get, in the same order: from 1 to ``SnapshotWorker/weightMax``, as given where nobody has a
    /// priority or cost of its own. Twice the priority is twice the share, twice the cost half of it. Shares of a thousandth of
    /// the greatest one and less are not told apart. Those that drain get none, and change nobody's.
    public static func weights(of workers: [Worker]) -> [Int] {
        let shares = workers.map { $0.drain == nil ? share(of: $0.properties) : Double($0.properties.weight) }
        let greatest = zip(workers, shares).filter { $0.0.drain == nil }.map(\.1).max() ?? 1
        let weightMax = Double(SnapshotWorker.weightMax)
        let bounded = shares.map { min($0, greatest) }
        if bounded.allSatisfy({ $0 >= 1 && $0 <= weightMax && $0 == $0.rounded() }) { return bounded.map { Int($0) } }
        let scaled = bounded.map { max(1, Int(($0 / greatest * weightMax).rounded())) }
        let divisor = max(1, scaled.reduce(0, greatestCommonDivisor))
        return scaled.map { $0 / divisor }
    }

    private static func share(of worker: WorkerProperties) -> Double {
        let priority = Double(max(1, worker.priority)) / Double(standardPriority)
        return Double(worker.weight) * priority / max(costMin, worker.cost)
    }

    private static func greatestCommonDivisor(_ one: Int, _ other: Int) -> Int {
        other == 0 ? one : greatestCommonDivisor(other, one % other)
    }
}
