import Testing

@testable import Telemetry

@Suite("A timestamp")
struct TimestampTests {
    @Test(
        "is the RFC 3339 text in UTC",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (1_795_521_600_123, "2026-11-24T12:00:00.123Z"),
        ] as [(Int64, String)]
    )
    func text(milliseconds: Int64, expected: String) {
        #expect(Timestamp.text(millisecondsSinceEpoch: milliseconds) == expected)
    }
}
