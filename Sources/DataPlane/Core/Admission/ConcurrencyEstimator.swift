/// Learns how many requests a worker bears that does not say how many it runs at one time.
///
/// While requests only share the worker each takes about as long as any; once they queue there, all take longer in
/// proportion to their number (Little's law). So where they take more than ``tolerance`` times as long as at best, the
/// number at which they would not is the limit.
struct ConcurrencyEstimator: Sendable {
    /// How much longer requests may take than at best: a full batch of an engine takes some three times as long for each
    /// token as a single request.
    static let tolerance = 3.0
    /// What is added to the bearable time, in milliseconds: with very short requests chance is larger than any queue.
    static let slackMilliseconds = 20.0
    /// Requests that one judgement looks at, at least.
    static let windowRequests = 20
    /// Judgements in a row with the limit in force and no effect after which the requests themselves must have become
    /// longer.
    private static let futileWindowsMax = 10
    /// How quickly the best time is forgotten: in 70 judgements it doubles.
    private static let drift = 1.01

    /// The most requests at one time; 0: as many as like.
    private(set) var limit = 0
    private var bestMilliseconds: Double?
    private var futileWindows = 0

    /// Some requests have ended.
    ///
    /// - Parameters:
    ///   - milliseconds: how long they took on average.
    ///   - inFlight: how many the worker has.
    mutating func windowEnded(averageMilliseconds milliseconds: Double, inFlight: Int) {
        guard let best = bestMilliseconds else {
            bestMilliseconds = milliseconds
            return
        }
        let bearable = best * ConcurrencyEstimator.tolerance + ConcurrencyEstimator.slackMilliseconds
        guard milliseconds > bearable else {
            grow(milliseconds, best, inFlight: inFlight)
            return
        }
        guard limit > 0 && inFlight <= limit else {
            limit = max(1, Int(Double(inFlight) * bearable / milliseconds))
            futileWindows = 0
            return
        }
        futileWindows += 1
        if futileWindows >= ConcurrencyEstimator.futileWindowsMax {
            startOver(milliseconds)
        } else if futileWindows > 1 {
            // The first window after a cut still has requests that queued before it.
            limit = max(1, limit * 9 / 10)
        }
    }

    /// Requests take as long as they may: more of them are tried where the limit is reached.
    private mutating func grow(_ milliseconds: Double, _ best: Double, inFlight: Int) {
        futileWindows = 0
        let isLimited = limit > 0 && inFlight * 10 >= limit * 8
        if isLimited {
            limit += max(1, limit / 10)
            bestMilliseconds = min(best, milliseconds)
        } else {
            bestMilliseconds = min(best * ConcurrencyEstimator.drift, milliseconds)
        }
    }

    private mutating func startOver(_ milliseconds: Double) {
        bestMilliseconds = milliseconds
        limit = 0
        futileWindows = 0
    }
}
