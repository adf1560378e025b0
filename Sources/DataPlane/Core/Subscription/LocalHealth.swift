public import SignalboxProtocol

/// What a data plane finds out about workers by itself while the control plane is silent, as a value: outcomes of probes go
/// in, observations come out (requirement: health probing continues on the data plane).
public struct LocalHealth: Sendable {
    /// Fewer workers that were ready are no crowd that could fall silent at once.
    static let crowdMin = 3
    /// Time between probes of a worker that is ready, and of one that is not or just failed, in milliseconds.
    static let readyMilliseconds = 5_000
    static let failingMilliseconds = 1_000
    /// Probes at one time.
    public static let probesMax = 64

    /// A worker to be watched, with what was last known of it.
    public struct Subject: Hashable, Sendable {
        var incarnation: IncarnationID
        var state: ObservedState
        /// Good answers make it ready. False where that is not for its probes to decide, or it is not known what to ask
        /// for: then it is at most taken out, and let in again.
        var mayBecomeReady: Bool
        var terms: ProbeTerms

        public init(
            _ incarnation: IncarnationID,
            _ state: ObservedState,
            mayBecomeReady: Bool,
            terms: ProbeTerms = .standard
        ) {
            self.incarnation = incarnation
            self.state = state
            self.mayBecomeReady = mayBecomeReady
            self.terms = terms
        }
    }

    private struct Watch: Sendable {
        var state: ObservedState
        var mayBecomeReady: Bool
        var terms: ProbeTerms
        /// It was ready until it failed here.
        var isTakenOut = false
        var failures = 0
        var successes = 0
        /// The last probe was not answered at all.
        var isSilent = false
        var dueAt: MonotonicTime
        var isProbing = false

        func isDue(at now: MonotonicTime) -> Bool { mayBeProbed && dueAt <= now }

        /// No probe is on its way, and its outcome could change something.
        var mayBeProbed: Bool { !isProbing && (state == .ready || isTakenOut || mayBecomeReady) }
    }

    private var watches: [IncarnationID: Watch] = [:]
    private var probing = 0
    private let panicPercent: Int

    /// - Parameter panicPercent: when more than this share of the workers that were ready falls silent, this host is rather cut
    ///   off than they are down, and they are routed to; 0: never.
    public init(panicPercent: Int = HealthMessage.standardPanicPercent) {
        self.panicPercent = panicPercent
    }

    /// The workers of the present snapshot, with what was last known of them; the others are forgotten.
    public mutating func watch(_ workers: [Subject], at now: MonotonicTime) {
        var kept: [IncarnationID: Watch] = [:]
        for worker in workers {
            kept[worker.incarnation] =
                watches[worker.incarnation]
                ?? Watch(
                    state: worker.state,
                    mayBecomeReady: worker.mayBecomeReady,
                    terms: worker.terms,
                    dueAt: now
                )
        }
        watches = kept
        probing = kept.values.count { $0.isProbing }
    }

    /// The workers to probe now, those first that have waited longest, so that none waits for ever behind workers that hang;
    /// each must be reported with ``probed(_:_:at:)``.
    public mutating func due(at now: MonotonicTime) -> [IncarnationID] {
        guard probing < LocalHealth.probesMax else { return [] }
        let due = watches.filter { $0.value.isDue(at: now) }.sorted { $0.value.dueAt < $1.value.dueAt }
        let found = due.prefix(LocalHealth.probesMax - probing).map(\.key)
        for incarnation in found { watches[incarnation]?.isProbing = true }
        probing += found.count
        return found
    }

    /// When a worker is due next; nil without workers.
    public var nextDue: MonotonicTime? {
        guard probing < LocalHealth.probesMax else { return nil }
        return watches.values.lazy.filter(\.mayBeProbed).map(\.dueAt).min()
    }

    /// How a probe has ended.
    public enum Outcome: Hashable, Sendable {
        case well
        /// It answered something else, which is no error of its own: enough for a worker that is, or was, ready.
        case answered
        /// The worker refused it, or answered with an error.
        case failed
        /// Nothing came in time.
        case silent
    }

    /// A probe has ended. True when that changes what is observed.
    public mutating func probed(_ incarnation: IncarnationID, _ outcome: Outcome, at now: MonotonicTime) -> Bool {
        guard var watch = watches[incarnation], watch.isProbing else { return false }
        let before = (watch.state, watch.isSilent)
        let suspectedBefore = isSuspected
        let wasReady = watch.state == .ready || watch.isTakenOut
        let isWell = outcome == .well && (watch.mayBecomeReady || wasReady) || outcome == .answered && wasReady
        watch.isSilent = outcome == .silent
        watch.isProbing = false
        probing -= 1
        watch.failures = isWell ? 0 : watch.failures + 1
        watch.successes = isWell ? watch.successes + 1 : 0
        if isWell, watch.state != .ready {
            let needed = watch.state == .pending ? 1 : watch.terms.successThreshold
            if watch.successes >= needed {
                watch.state = .ready
                watch.isTakenOut = false
            }
        } else if watch.state == .ready, watch.failures >= watch.terms.failureThreshold {
            watch.state = .unhealthy
            watch.isTakenOut = true
        }
        let isSteady = watch.state == .ready && watch.failures == 0
        watch.dueAt = now.adding(
            milliseconds: isSteady ? LocalHealth.readyMilliseconds : LocalHealth.failingMilliseconds
        )
        watches[incarnation] = watch
        let isChanged =
            before != (watch.state, watch.isSilent) && (before.0 != watch.state || watch.state == .unhealthy)
        return isChanged || isSuspected != suspectedBefore
    }

    /// So many workers are silent that it is rather this data plane that hears nothing.
    public var isSuspected: Bool {
        let crowd = watches.values.count { $0.state == .ready || $0.isTakenOut }
        let silent = watches.values.count { $0.isTakenOut && $0.isSilent }
        return panicPercent > 0 && crowd >= LocalHealth.crowdMin && silent * 100 > crowd * panicPercent
    }

    /// The workers that are unhealthy because nothing is heard of them.
    public var silent: Set<IncarnationID> {
        guard !isSuspected else { return [] }
        return Set(watches.lazy.filter { $0.value.state == .unhealthy && $0.value.isSilent }.map(\.key))
    }

    /// What is observed of every watched worker.
    public var states: [IncarnationID: ObservedState] {
        guard isSuspected else { return watches.mapValues(\.state) }
        return watches.mapValues { $0.isTakenOut && $0.isSilent ? .ready : $0.state }
    }
}
