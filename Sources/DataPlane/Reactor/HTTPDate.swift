import Glibc

/// A time as header fields have it: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7).
enum HTTPDate {
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    static func text(_ time: time_t) -> String {
        var seconds = time
        var calendar = unsafe tm()
        _ = unsafe gmtime_r(&seconds, &calendar)
        let clock = unsafe [calendar.tm_hour, calendar.tm_min, calendar.tm_sec].map(twoDigits).joined(separator: ":")
        let day = unsafe "\(days[Int(calendar.tm_wday)]), \(twoDigits(calendar.tm_mday))"
        return unsafe "\(day) \(months[Int(calendar.tm_mon)]) \(calendar.tm_year + 1900) \(clock) GMT"
    }

    private static func twoDigits(_ value: Int32) -> String {
        value < 10 ? "0\(value)" : String(value)
    }
}
