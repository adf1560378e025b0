import SignalboxProtocol
import Synchronization

/// How many inference requests a data plane has taken on, shared by its threads.
public final class AdmissionGate: Sendable {
    private let active = Atomic<Int>(0)
    /// The time at which the bucket of the rate limit is full again, in microseconds.
    private let fullAt = Atomic<Int>(0)

    public init() {}

    /// Takes a request on, unless there are `max` already; 0: no limit.
    func enter(max: Int) -> Bool {
        let (old, _) = active.add(1, ordering: .relaxed)
        guard max > 0, old >= max else { return true }
        active.subtract(1, ordering: .relaxed)
        return false
    }

    /// A request that was taken on has ended.
    func leave() {
        let (old, _) = active.subtract(1, ordering: .relaxed)
        precondition(old > 0, "more requests have ended than were taken on")
    }

    /// Whether there are as many requests as may be.
    func isFull(max: Int) -> Bool {
        max > 0 && active.load(ordering: .relaxed) >= max
    }

    /// Takes a token of the rate limit.
    ///
    /// The bucket is kept as the one moment at which it will be full again (generic cell rate algorithm), so that threads
    /// share it without a lock.
    ///
    /// - Returns: nil when a token was taken, else the milliseconds until there is one.
    func takeToken(_ settings: AdmissionSettings, at now: MonotonicTime) -> Int? {
        guard settings.requestsPerSecondMax > 0 else { return nil }
        let interval = max(1, 1_000_000 / settings.requestsPerSecondMax)
        let now = now.milliseconds * 1000
        var seen = fullAt.load(ordering: .relaxed)
        while true {
            let wait = AdmissionGate.wait(fullAt: seen, settings, at: now)
            guard wait == 0 else { return (wait + 999) / 1000 }
            let next = max(seen, now) + interval
            let (exchanged, original) = fullAt.weakCompareExchange(
                expected: seen,
                desired: next,
                ordering: .relaxed
            )
            if exchanged { return nil }
            seen = original
        }
    }

    /// The milliseconds until there is a token; 0: there is one.
    func millisecondsToToken(_ settings: AdmissionSettings, at now: MonotonicTime) -> Int {
        guard settings.requestsPerSecondMax > 0 else { return 0 }
        let seen = fullAt.load(ordering: .relaxed)
        return (AdmissionGate.wait(fullAt: seen, settings, at: now.milliseconds * 1000) + 999) / 1000
    }

    /// The microseconds until a bucket, full at `fullAt`, has a token.
    private static func wait(fullAt: Int, _ settings: AdmissionSettings, at now: Int) -> Int {
        let interval = max(1, 1_000_000 / settings.requestsPerSecondMax)
        // As many as may be at workers at one time, as in the original, or those of one second.
        let size = settings.concurrentRequestsMax > 0 ? settings.concurrentRequestsMax : settings.requestsPerSecondMax
        return max(0, fullAt + interval - now - size * interval)
    }
}
