/// A point on a clock that never goes back, in milliseconds.
public struct MonotonicTime: Hashable, Comparable, Sendable {
    public var milliseconds: Int

    public init(milliseconds: Int) {
        self.milliseconds = milliseconds
    }

    public static func < (one: MonotonicTime, other: MonotonicTime) -> Bool {
        one.milliseconds < other.milliseconds
    }

    public func adding(milliseconds duration: Int) -> MonotonicTime {
        MonotonicTime(milliseconds: milliseconds + duration)
    }
}
