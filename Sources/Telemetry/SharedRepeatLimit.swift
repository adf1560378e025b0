import Synchronization

/// One ``RepeatLimit`` for all copies of a logger.
final class SharedRepeatLimit: Sendable {
    private let limit = Mutex(RepeatLimit())

    func take(_ message: String, at now: Int64) -> (isWritten: Bool, told: [RepeatLimit.Held]) {
        let taken = limit.withLock { $0.take(message, at: now) }
        if !taken.isWritten { HeldEvents.shared.begin() }
        return taken
    }

    func told(at now: Int64) -> [RepeatLimit.Held] {
        limit.withLock { $0.told(at: now) }
    }

    func toldAtEnd() -> [RepeatLimit.Held] {
        limit.withLock { $0.toldAtEnd() }
    }

    var isHolding: Bool { limit.withLock { $0.isHolding } }
}
