import FoundationEssentials

/// Writes points in time as RFC 3339 in UTC with milliseconds, as logs, the audit trail and the wire show them.
public enum Timestamp {
    /// For example `2026-11-24T12:00:00.000Z`.
    public static func text(millisecondsSinceEpoch: Int64) -> String {
        let dayMilliseconds: Int64 = 86_400_000
        let days = floorDivide(millisecondsSinceEpoch, dayMilliseconds)
        let inDay = millisecondsSinceEpoch - days * dayMilliseconds
        let (year, month, day) = civil(daysSinceEpoch: days)
        let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
        let hours = padded(inDay / 3_600_000, 2)
        let minutes = padded(inDay / 60_000 % 60, 2)
        let seconds = padded(inDay / 1000 % 60, 2)
        return "\(date)T\(hours):\(minutes):\(seconds).\(padded(inDay % 1000, 3))Z"
    }

    /// The present moment.
    public static func now() -> String {
        text(millisecondsSinceEpoch: nowMilliseconds())
    }

    /// The present moment in milliseconds since 1970.
    public static func nowMilliseconds() -> Int64 {
        Int64((Date().timeIntervalSince1970 * 1000).rounded(.down))
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : -((divisor - 1 - value) / divisor)
    }

    /// The Gregorian date of a day, by counting in eras of 400 years (146,097 days) that begin on the first of March.
    private static func civil(daysSinceEpoch: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = daysSinceEpoch + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
