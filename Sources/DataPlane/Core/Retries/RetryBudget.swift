import SignalboxProtocol

/// How many attempts may be made again, so that an outage is not multiplied: each request earns a share of a retry, and
/// what is earned is kept for as many retries as there are requests in flight.
///
/// An attempt that never reached a worker costs nothing, since it was no work for anyone.
struct RetryBudget: Sendable {
    /// Retries that a data plane may always make in a second, and has at the beginning ten times over: with little traffic
    /// a share of it would be none.
    static let perSecondMin = 10

    /// Threads that each have such a budget.
    private let threads: Int
    /// In thousandths of a retry.
    private var balance: Int
    private var refilledAt = MonotonicTime(milliseconds: 0)

    init(threads: Int = 1) {
        precondition(threads > 0, "\(threads) threads have no budget")
        self.threads = threads
        balance = RetryBudget.perSecondMin * 10 * 1000 / threads
    }

    /// A request has begun.
    mutating func earn(_ settings: RetrySettings) {
        balance += settings.budgetPercent * 10
    }

    /// Takes one retry, or says that there is none left.
    ///
    /// - Parameter inFlight: requests that the thread serves.
    mutating func spend(inFlight: Int, at now: MonotonicTime) -> Bool {
        let kept = max(RetryBudget.perSecondMin * 10 * 1000 / threads, inFlight * 1000)
        let elapsed = min(max(0, now.milliseconds - refilledAt.milliseconds), 10_000)
        refilledAt = now
        balance = min(balance + elapsed * RetryBudget.perSecondMin / threads, kept)
        guard balance >= 1000 else { return false }
        balance -= 1000
        return true
    }
}
