#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A moment in microseconds since 1970, as it stands in `sent_at` and in the statistics.
struct WallTime: Hashable, Sendable {
    let microseconds: Int

    /// The current moment.
    static var now: WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(microseconds: time.tv_sec * 1_000_000 + time.tv_nsec / 1000)
    }

    /// Whole seconds since 1970.
    var seconds: Int { microseconds / 1_000_000 }

    /// Seconds with six decimals, such as `1700000000.000123`.
    var text: String {
        let fraction = String(microseconds % 1_000_000)
        return "\(seconds).\(String(repeating: "0", count: 6 - fraction.utf8.count))\(fraction)"
    }
}
