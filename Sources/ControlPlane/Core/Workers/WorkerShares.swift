import SignalboxProtocol

/// What share of the traffic each worker is to get, by all that operators say of it.
public enum WorkerShares {
    /// The priority of which nothing is to be made.
    public static let standardPriority = 50
    /// Cheaper workers are not told apart.
    private static let costMin = 0.01

    /// The weights that data planes get, in the same order: from 1 to ``SnapshotWorker/weightMax``, as given where nobody has a
    /// priority or cost of its own. Twice the priority is twice the share, twice the cost half of it.
    public static func weights(of workers: [WorkerProperties]) -> [Int] {
        let shares = workers.map { worker in
            let priority = Double(max(1, worker.priority)) / Double(standardPriority)
            return Double(worker.weight) * priority / max(costMin, worker.cost)
        }
        let isWhole = shares.allSatisfy { $0 >= 1 && $0 <= Double(SnapshotWorker.weightMax) && $0 == $0.rounded() }
        guard !isWhole, let greatest = shares.max() else { return shares.map { Int($0) } }
        let scaled = shares.map { max(1, Int(($0 / greatest * Double(SnapshotWorker.weightMax)).rounded())) }
        let divisor = max(1, scaled.reduce(0, greatestCommonDivisor))
        return scaled.map { $0 / divisor }
    }

    private static func greatestCommonDivisor(_ one: Int, _ other: Int) -> Int {
        other == 0 ? one : greatestCommonDivisor(other, one % other)
    }
}
