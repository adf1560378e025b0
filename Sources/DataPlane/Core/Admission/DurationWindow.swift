/// Requests of one worker that have ended one after another, and how long they took.
struct DurationWindow: Sendable, Hashable {
    /// How many; at least 1.
    var requests: Int
    /// Those of them whose clients did not wait for the answer: they would have taken longer.
    var abandoned = 0
    /// How long the others took together.
    var completedMilliseconds: Int
    /// How long the clients that left had waited together.
    var abandonedMilliseconds = 0
    /// From the end of the window before to the end of this one.
    var elapsedMilliseconds: Double

    /// Those that were answered.
    var completed: Int { requests - abandoned }

    /// Whether so many clients have left that the others may: their time limits are shorter than what requests take.
    var isAbandoned: Bool { DurationWindow.isAbandoned(abandoned, of: requests) }

    static func isAbandoned(_ abandoned: Int, of requests: Int) -> Bool { abandoned * 4 >= requests }

    /// How long one took that was answered; 0 where none was.
    var averageMilliseconds: Double { Double(completedMilliseconds) / Double(max(1, completed)) }

    /// How long one waited that left; 0 where none did.
    var averageAbandonedMilliseconds: Double { Double(abandonedMilliseconds) / Double(max(1, abandoned)) }

    /// The throughput; a window within one tick of the clock counts as one of a millisecond.
    var requestsPerMillisecond: Double { Double(completed) / max(1, elapsedMilliseconds) }
}
