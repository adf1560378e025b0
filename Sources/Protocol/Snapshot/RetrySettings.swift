/// When a failed attempt is made again, on another worker where there is one (specification section 4.2).
public struct RetrySettings: Hashable, Sendable {
    /// Most attempts for one request, the first included; 1: none is made again.
    public var attemptsMax = 5
    /// The wait before the second attempt, in milliseconds.
    public var backoffInitialMilliseconds = 50
    /// The longest wait, in milliseconds.
    public var backoffMaxMilliseconds = 30_000
    /// By how much each wait is longer than the one before, in thousandths.
    public var backoffMultiplierPermille = 1_500
    /// By how much of itself a wait is randomly longer or shorter, in thousandths.
    public var jitterPermille = 200
    /// Most requests of a data plane that may be retried at one time, as a share of those in flight, so that an outage is
    /// not multiplied. A few may always be.
    public var budgetPercent = 20
    /// How long a worker that was taken out for its silence must have sent nothing before requests that await its first
    /// byte are tried elsewhere, in milliseconds; 0: they never are.
    public var silenceMilliseconds = 5_000

    public init() {}
}
