/// Decides when to build the next publication: at once when idle, and never so often that building takes more than
/// two thirds of the time. Changes that come meanwhile are coalesced: the latest state wins.
struct PublicationSchedule: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// How long to wait after a failed build, so that a lasting fault does not keep a core busy.
    static let retryPause: Duration = .seconds(1)

    enum Action: Hashable, Sendable {
        /// Build now; the oldest change that the result will show came at `since`.
        case build(since: Instant)
        /// Call ``PublicationSchedule/woken(at:)`` after this time.
        case wake(after: Duration)
    }

    private enum State: Hashable, Sendable {
        case stopped
        case idle(notBefore: Instant)
        case waiting
        case building(began: Instant, since: Instant)
    }

    private var state: State = .stopped
    /// When the oldest change came that no build has read.
    private var changedSince: Instant?

    /// The first build, of whatever the state is.
    mutating func started(at now: Instant) -> Action? {
        guard state == .stopped else { return nil }
        changedSince = changedSince ?? now
        return build(at: now)
    }

    mutating func stopped() {
        state = .stopped
    }

    /// Something was committed or observed.
    mutating func changed(at now: Instant) -> Action? {
        changedSince = changedSince ?? now
        guard case .idle(let notBefore) = state else { return nil }
        guard now < notBefore else { return build(at: now) }
        state = .waiting
        return .wake(after: now.duration(to: notBefore))
    }

    mutating func woken(at now: Instant) -> Action? {
        state == .waiting ? build(at: now) : nil
    }

    /// The build is done; a failed one is tried again.
    mutating func finished(at now: Instant, succeeded: Bool) -> Action? {
        guard case .building(let began, let since) = state else { return nil }
        if !succeeded {
            changedSince = since
            state = .waiting
            return .wake(after: PublicationSchedule.retryPause)
        }
        let pause = began.duration(to: now) / 2
        guard changedSince != nil else {
            state = .idle(notBefore: now + pause)
            return nil
        }
        state = .waiting
        return .wake(after: pause)
    }

    private mutating func build(at now: Instant) -> Action {
        let since = changedSince ?? now
        changedSince = nil
        state = .building(began: now, since: since)
        return .build(since: since)
    }
}
