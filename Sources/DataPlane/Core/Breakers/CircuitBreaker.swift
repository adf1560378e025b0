import SignalboxProtocol

/// Decides from how the requests of one worker end whether it gets further ones, as a value: outcomes and times go in.
///
/// Closed, it counts failures in a row; enough of them open it. Open, the worker gets nothing for a while, which is longer
/// each time in a row. Then it is half-open: a few trial requests, and their outcome decides.
struct CircuitBreaker: Hashable, Sendable {
    enum Position: Hashable, Sendable {
        case closed
        case open(until: MonotonicTime)
        case halfOpen
    }

    /// The first time for which it stays open, in milliseconds: a worker that restarts quickly is back after a second.
    static let openMillisecondsMin = 1_000

    private(set) var position = Position.closed
    /// Failures in a row.
    private(set) var failures = 0
    /// The last failure.
    private(set) var reason: StaticText = ""
    /// It was a time limit: nothing came of the worker.
    private(set) var isSilence = false
    private var lastFailureAt = MonotonicTime(milliseconds: 0)
    /// Successful trials in a row.
    private var successes = 0
    /// Trials that run.
    private var trials = 0
    /// How often it opened without having closed in between.
    private var openings = 0
    /// Until then the worker has asked to be left alone; that is no failure of its own.
    private var restsUntil: MonotonicTime?

    init() {}

    /// Nothing is remembered that differs from a new one.
    var isUnused: Bool { hasNoFailure && trials == 0 && restsUntil == nil }

    /// Whether the worker gets nothing that is no trial.
    func isOut(at now: MonotonicTime) -> Bool { position != .closed || restsUntil.map { $0 > now } ?? false }

    /// The worker asks to be left alone.
    mutating func rest(until time: MonotonicTime) {
        restsUntil = max(restsUntil ?? time, time)
    }

    mutating func endRest() {
        restsUntil = nil
    }

    private var hasNoFailure: Bool { position == .closed && failures == 0 }

    /// A request has failed.
    ///
    /// - Parameters:
    ///   - isTrial: it was let through as a trial; while the breaker is not closed only these count, since the others began
    ///     before.
    ///   - isSilence: a time limit ended it.
    /// - Returns: whether the breaker wants to open; ``open(at:_:)`` does it, where so many may be open.
    mutating func failed(
        _ reason: StaticText,
        isTrial: Bool,
        isSilence: Bool = false,
        at now: MonotonicTime,
        _ settings: BreakerSettings
    ) -> Bool {
        if isTrial { trials -= 1 }
        guard position == .closed || isTrial && position == .halfOpen else { return false }
        if failures > 0 && lastFailureAt.adding(milliseconds: settings.windowMilliseconds) < now { failures = 0 }
        failures += 1
        lastFailureAt = now
        self.reason = reason
        self.isSilence = isSilence
        if position == .halfOpen { return true }
        return settings.failureThreshold > 0 && failures >= settings.failureThreshold
    }

    /// Opens for a second, and twice as long each time in a row, up to what the settings allow.
    mutating func open(at now: MonotonicTime, _ settings: BreakerSettings) {
        let doubled = CircuitBreaker.openMillisecondsMin << min(openings, 20)
        openings += 1
        successes = 0
        position = .open(until: now.adding(milliseconds: min(doubled, settings.openMilliseconds)))
    }

    /// A request has succeeded.
    mutating func succeeded(isTrial: Bool, _ settings: BreakerSettings) {
        if isTrial { trials -= 1 }
        switch position {
        case .closed: failures = 0
        case .open: break
        case .halfOpen:
            guard isTrial else { return }
            successes += 1
            if successes >= settings.successThreshold { close() }
        }
    }

    /// A request wants to be a trial.
    ///
    /// - Returns: whether it may go to the worker, and whether it counts as a trial.
    mutating func begin(at now: MonotonicTime, _ settings: BreakerSettings) -> (mayGo: Bool, isTrial: Bool) {
        if case .open(let until) = position, until <= now { position = .halfOpen }
        switch position {
        case .closed:
            if let restsUntil, restsUntil > now { return (false, false) }
            restsUntil = nil
            return (true, false)
        case .open: return (false, false)
        case .halfOpen:
            guard trials < settings.successThreshold else { return (false, false) }
            trials += 1
            return (true, true)
        }
    }

    /// A trial ended without saying anything about the worker: its client has gone.
    mutating func abandoned() {
        trials -= 1
    }

    /// The worker answers its probes again: trials may begin at once.
    mutating func probedWell() {
        if case .open = position { position = .halfOpen }
    }

    /// What a pick sees of it.
    func gate(_ settings: BreakerSettings) -> WorkerGate {
        switch position {
        case .closed: restsUntil.map { .open(until: $0) } ?? (failures == 0 ? .clear : .watched)
        case .open(let until): .open(until: until)
        case .halfOpen: trials < settings.successThreshold ? .halfOpen : .full
        }
    }

    /// What a person is told of it; nil when there is nothing to tell.
    func report(at now: MonotonicTime) -> BreakerReport? {
        if position == .closed, let restsUntil, restsUntil > now {
            return BreakerReport(state: .open, failures: failures, reason: "It asks to be left alone (Retry-After).")
        }
        guard !hasNoFailure else { return nil }
        let state: BreakerState =
            switch position {
            case .closed: .closed
            case .open(let until): until <= now ? .halfOpen : .open
            case .halfOpen: .halfOpen
            }
        return BreakerReport(state: state, failures: failures, reason: "\(reason)")
    }

    private mutating func close() {
        position = .closed
        failures = 0
        successes = 0
        openings = 0
    }
}
