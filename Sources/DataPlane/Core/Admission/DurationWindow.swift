/// Requests of one worker that have ended one after another, and how long they took.
struct DurationWindow: Sendable, Hashable {
    /// How many; at least 1.
    var requests: Int
    /// Those of them whose clients did not wait for the answer: they would have taken longer.
    var abandoned = 0
    /// How long they took together.
    var totalMilliseconds: Int
    /// From the end of the window before to the end of this one.
    var elapsedMilliseconds: Double

    /// Whether so many clients have left that the others will: their time limits are shorter than what is bearable.
    var isAbandoned: Bool { DurationWindow.isAbandoned(abandoned, of: requests) }

    static func isAbandoned(_ abandoned: Int, of requests: Int) -> Bool { abandoned * 4 >= requests }

    /// How long one took.
    var averageMilliseconds: Double { Double(totalMilliseconds) / Double(requests) }

    /// The throughput; a window within one tick of the clock counts as one of a millisecond.
    var requestsPerMillisecond: Double { Double(requests - abandoned) / max(1, elapsedMilliseconds) }
}
