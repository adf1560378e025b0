/// The last moments at which something happened, of which only a bounded number is kept.
struct RecentTimes {
    /// Moments kept; older ones are overwritten.
    static let countMax = 1000

    private var times: [WallTime] = []
    private var oldest = 0

    /// The kept moments, the oldest first.
    var inOrder: [WallTime] { Array(times[oldest...] + times[..<oldest]) }

    mutating func append(_ time: WallTime) {
        guard times.count == RecentTimes.countMax else {
            times.append(time)
            return
        }
        times[oldest] = time
        oldest = (oldest + 1) % RecentTimes.countMax
    }
}
