public import SignalboxProtocol

/// What a data plane finds out about workers by itself while the control plane is silent, as a value: outcomes of probes go
/// in, observations come out (requirement: health probing continues on the data plane).
public struct LocalHealth: Sendable {
    /// Failures in a row that make a worker unhealthy, and answers in a row that make it ready again.
    static let failureThreshold = 3
    static let successThreshold = 2
    /// Time between probes of a worker that is ready, and of one that is not or just failed, in milliseconds.
    static let readyMilliseconds = 5_000
    static let failingMilliseconds = 1_000
    /// Probes at one time.
    public static let probesMax = 64

    private struct Watch: Sendable {
        var state: ObservedState
        var failures = 0
        var successes = 0
        /// The last probe was not answered at all.
        var isSilent = false
        var dueAt: MonotonicTime
        var isProbing = false
    }

    private var watches: [IncarnationID: Watch] = [:]
    private var probing = 0

    public init() {}

    /// The workers of the present snapshot, with what was last known of them; the others are forgotten.
    public mutating func watch(_ workers: [(incarnation: IncarnationID, state: ObservedState)], at now: MonotonicTime) {
        var kept: [IncarnationID: Watch] = [:]
        for worker in workers {
            kept[worker.incarnation] = watches[worker.incarnation] ?? Watch(state: worker.state, dueAt: now)
        }
        watches = kept
        probing = kept.values.count { $0.isProbing }
    }

    /// The workers to probe now; each must be reported with ``probed(_:isWell:at:)``.
    public mutating func due(at now: MonotonicTime) -> [IncarnationID] {
        var found: [IncarnationID] = []
        for (incarnation, watch) in watches where !watch.isProbing && watch.dueAt <= now {
            guard probing < LocalHealth.probesMax else { break }
            watches[incarnation]?.isProbing = true
            probing += 1
            found.append(incarnation)
        }
        return found
    }

    /// When a worker is due next; nil without workers.
    public var nextDue: MonotonicTime? {
        guard probing < LocalHealth.probesMax else { return nil }
        return watches.values.lazy.filter { !$0.isProbing }.map(\.dueAt).min()
    }

    /// How a probe has ended.
    public enum Outcome: Hashable, Sendable {
        case well
        /// The worker refused it, or answered with an error.
        case failed
        /// Nothing came in time.
        case silent
    }

    /// A probe has ended. True when that changes what is observed.
    public mutating func probed(_ incarnation: IncarnationID, _ outcome: Outcome, at now: MonotonicTime) -> Bool {
        guard var watch = watches[incarnation], watch.isProbing else { return false }
        let before = (watch.state, watch.isSilent)
        let isWell = outcome == .well
        watch.isSilent = outcome == .silent
        watch.isProbing = false
        probing -= 1
        watch.failures = isWell ? 0 : watch.failures + 1
        watch.successes = isWell ? watch.successes + 1 : 0
        if isWell, watch.state != .ready {
            let needed = watch.state == .pending ? 1 : LocalHealth.successThreshold
            if watch.successes >= needed { watch.state = .ready }
        } else if watch.state == .ready, watch.failures >= LocalHealth.failureThreshold {
            watch.state = .unhealthy
        }
        let isSteady = watch.state == .ready && watch.failures == 0
        watch.dueAt = now.adding(
            milliseconds: isSteady ? LocalHealth.readyMilliseconds : LocalHealth.failingMilliseconds
        )
        watches[incarnation] = watch
        return before != (watch.state, watch.isSilent) && (before.0 != watch.state || watch.state == .unhealthy)
    }

    /// The workers that are unhealthy because nothing is heard of them.
    public var silent: Set<IncarnationID> {
        Set(watches.lazy.filter { $0.value.state == .unhealthy && $0.value.isSilent }.map(\.key))
    }

    /// What is observed of every watched worker.
    public var states: [IncarnationID: ObservedState] { watches.mapValues(\.state) }
}
