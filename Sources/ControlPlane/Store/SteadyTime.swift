import Telemetry

/// Milliseconds since 1970 that no jump of the system's clock changes: the clock as it was when the process started, and how
/// long that is ago. For deadlines; what people read takes the clock itself.
enum SteadyTime {
    private static let start = (wall: Timestamp.nowMilliseconds(), monotonic: ContinuousClock.now)

    static func nowMilliseconds() -> Int64 {
        let start = start
        let (seconds, attoseconds) = (ContinuousClock.now - start.monotonic).components
        return start.wall + seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}
