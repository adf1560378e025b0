public import SignalboxProtocol

/// What is observed of one worker: probe outcomes go in, changes of its state come out.
///
/// Times are milliseconds since 1970 and come in as arguments.
public struct ProbeState: Hashable, Sendable {
    public private(set) var health: Health
    /// When `health` began.
    public private(set) var since: Int64
    /// Why, as one sentence for a person.
    public private(set) var reason: String
    public private(set) var lastProbe: Int64?
    public private(set) var nextProbe: Int64?

    private var settings: ProbeSettings
    private var failures = 0
    private var successes = 0
    private var isLastSilence = false
    private var isHeld = false
    /// Needs no probes, so nothing was observed.
    public private(set) var isUnprobed = false

    /// It was ready, and nothing is heard of it any more.
    public var isSilent: Bool { health == .unhealthy && isLastSilence }

    public enum Health: String, Hashable, Sendable {
        /// Never ready so far.
        case pending
        /// Was ready when it was last watched, and has not been heard of since.
        case presumedReady
        case ready
        case unhealthy
    }

    public enum Start: Hashable, Sendable {
        /// Registered and not probed yet.
        case new
        /// Ready when the control plane last ran.
        case wasReady
        /// Ready once, and not watched since: it drained, or had no health check.
        case wasUnwatched
        /// Probed with success already.
        case probed
        /// Needs no probes.
        case unprobed
    }

    public init(_ start: Start, settings: ProbeSettings, at now: Int64) {
        self.settings = settings
        since = now
        switch start {
        case .new:
            health = .pending
            reason = "The worker has not been probed yet."
        case .wasReady:
            health = .presumedReady
            reason = "The worker was ready before the control plane started."
        case .wasUnwatched:
            health = .presumedReady
            reason = ProbeState.unwatchedReason
        case .probed:
            health = .ready
            reason = ProbeState.readyReason
            lastProbe = now
        case .unprobed:
            health = .ready
            reason = "The health check is disabled."
            isUnprobed = true
        }
    }

    private static let readyReason = "The worker answers its health check."
    private static let unwatchedReason = "The worker was ready before, and is not probed yet."

    public enum Event: Hashable, Sendable {
        /// Health and reason are what they were.
        case unchanged
        /// The reason is another one.
        case reasonChanged
        /// The worker takes requests from now on.
        case becameReady
        /// The worker takes no requests from now on.
        case becameUnhealthy
    }

    /// Takes the outcome of a probe.
    public mutating func probed(_ outcome: ProbeOutcome, at now: Int64) -> Event {
        lastProbe = now
        switch outcome {
        case .success:
            failures = 0
            successes += 1
            let needed = health == .unhealthy ? settings.successThreshold : 1
            guard health != .ready, successes >= needed else { return .unchanged }
            return begin(.ready, reason: ProbeState.readyReason, at: now)
        case .failure(let newReason), .silence(let newReason):
            if case .silence = outcome { isLastSilence = true } else { isLastSilence = false }
            successes = 0
            failures += 1
            switch health {
            case .pending, .unhealthy:
                guard newReason != reason else { return .unchanged }
                reason = newReason
                return .reasonChanged
            case .presumedReady, .ready:
                guard failures >= settings.failureThreshold else { return .unchanged }
                return begin(.unhealthy, reason: newReason, at: now)
            }
        }
    }

    /// The settings have changed: what was observed still counts until probes by the new ones say something else.
    public mutating func adjust(to settings: ProbeSettings) {
        self.settings = settings
        nextProbe = nil
    }

    /// Nobody probes the worker any more: what is kept for the case that it is watched again.
    public mutating func endWatch() {
        nextProbe = nil
        guard health == .ready, !isUnprobed else { return }
        health = .presumedReady
        reason = ProbeState.unwatchedReason
    }

    /// The first readiness could not be stored; the worker stays pending and the next probe tries again.
    public mutating func readinessLost(reason: String, at now: Int64) {
        health = .pending
        since = now
        self.reason = reason
        successes = 0
    }

    /// When to probe next; the time is kept to be shown.
    ///
    /// - Parameter spread: from -1 to 1, a random number that keeps the probes of many workers apart.
    public mutating func schedule(at now: Int64, spread: Double) -> Duration {
        let interval =
            switch health {
            case .pending: settings.pendingInterval(afterFailures: failures)
            case .presumedReady: failures == 0 ? Duration.zero : settings.unhealthyInterval
            case .ready:
                failures == 0 ? settings.readyInterval : min(settings.unhealthyInterval, settings.readyInterval)
            case .unhealthy: settings.unhealthyInterval
            }
        let wait = interval + interval * (spread * ProbeState.spreadShare)
        nextProbe = now + wait.wholeMilliseconds
        return wait
    }

    /// Probes are moved by at most this share of their interval.
    static let spreadShare = 0.1

    /// The observation for data planes; nil while nothing is known that the snapshot does not say already.
    public func observation(of incarnation: IncarnationID, since text: String) -> WorkerObservation? {
        let state: ObservedState
        switch health {
        case .pending: state = .pending
        case .presumedReady: return nil
        case .ready: state = .ready
        case .unhealthy: state = .unhealthy
        }
        return WorkerObservation(
            incarnation: incarnation,
            state: state,
            since: text,
            reason: reason,
            isSilent: isSilent,
            isHeld: isHeld,
            probe: settings.terms
        )
    }

    /// What counts while something else than its probes keeps requests from the worker.
    public func held(by hold: HealthHold?) -> ProbeState {
        guard let hold else { return self }
        var state = self
        state.health = .unhealthy
        state.isHeld = true
        state.isLastSilence = false
        state.since = hold.since
        state.reason = hold.reason
        return state
    }

    private mutating func begin(_ health: Health, reason: String, at now: Int64) -> Event {
        self.health = health
        self.reason = reason
        since = now
        failures = 0
        successes = 0
        return health == .ready ? .becameReady : .becameUnhealthy
    }
}

/// Why a worker gets no requests although its probes might allow them, and since when, in milliseconds since 1970.
public struct HealthHold: Hashable, Sendable {
    public var since: Int64
    public var reason: String

    public init(since: Int64, reason: String) {
        self.since = since
        self.reason = reason
    }
}

extension Duration {
    /// Rounded down.
    public var wholeMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
