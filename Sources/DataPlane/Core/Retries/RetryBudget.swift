import SignalboxProtocol

/// How many attempts may be made again, so that an outage is not multiplied: each request earns a share of a retry, and
/// what is earned is kept for as many retries as there are requests in flight.
///
/// An attempt that never reached a worker costs nothing, since it was no work for anyone.
struct RetryBudget: Sendable {
    /// Retries that may always be made in a second, and are there at the beginning ten times over: with little traffic
    /// a share of it would be none.
    static let perSecondMin = 10

    /// In thousandths of a retry.
    private var balance = RetryBudget.perSecondMin * 10 * 1000
    private var refilledAt = MonotonicTime(milliseconds: 0)

    /// A request has begun.
    mutating func earn(_ settings: RetrySettings) {
        balance += settings.budgetPercent * 10
    }

    /// Takes one retry, or says that there is none left.
    ///
    /// - Parameter inFlight: requests that are being served.
    mutating func spend(inFlight: Int, at now: MonotonicTime) -> Bool {
        let kept = max(RetryBudget.perSecondMin * 10, inFlight) * 1000
        let elapsed = min(max(0, now.milliseconds - refilledAt.milliseconds), 10_000)
        refilledAt = now
        balance = min(balance + elapsed * RetryBudget.perSecondMin, kept)
        guard balance >= 1000 else { return false }
        balance -= 1000
        return true
    }
}
