import Synchronization

/// Where the snapshot that is served came from, and whether the control plane is heard; shared with the threads that are
/// asked for it.
public final class SnapshotOrigin: Sendable {
    public enum Source: Int, Sendable {
        case none
        case controlPlane
        case cache
    }

    private let stored = Atomic<Int>(Source.none.rawValue)
    /// When the control plane was lost, in milliseconds of the monotonic clock; 0 while it is heard.
    private let lostAt: Atomic<Int>

    /// - Parameter now: since when there is no control plane.
    public init(at now: MonotonicTime = MonotonicTime(milliseconds: 1)) {
        lostAt = Atomic(max(1, now.milliseconds))
    }

    public var source: Source {
        get { Source(rawValue: stored.load(ordering: .relaxed)) ?? .none }
        set { stored.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// The control plane has said something. An open connection says nothing: the kernel opens it for a process that hangs.
    public func heard() {
        lostAt.store(0, ordering: .relaxed)
    }

    /// Counts from the first loss in a row.
    public func lost(at now: MonotonicTime) {
        let (_, _) = lostAt.compareExchange(expected: 0, desired: max(1, now.milliseconds), ordering: .relaxed)
    }

    /// For how long the control plane has not been heard, in milliseconds; nil while it is heard.
    public func silentMilliseconds(at now: MonotonicTime) -> Int? {
        let lost = lostAt.load(ordering: .relaxed)
        return lost == 0 ? nil : max(0, now.milliseconds - lost)
    }
}
