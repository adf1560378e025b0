import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct RetryTests {
    @Test("Waits grow as in the original: 50, 75, 112, 168 ms, up to the longest one")
    func backoff() {
        var settings = RetrySettings()
        settings.jitterPermille = 0
        var random = SplitMix64(seed: 1)
        let waits = (1...4).map { settings.backoffMilliseconds(afterAttempts: $0, using: &random) }
        #expect(waits == [50, 75, 113, 169])
        settings.backoffMaxMilliseconds = 100
        #expect(settings.backoffMilliseconds(afterAttempts: 100, using: &random) == 100)
    }

    @Test("Jitter moves a wait by at most its share, to both sides")
    func jitter() {
        let settings = RetrySettings()
        var random = SplitMix64(seed: 1)
        let waits = (0..<1000).map { _ in settings.backoffMilliseconds(afterAttempts: 1, using: &random) }
        #expect(waits.allSatisfy { (40...60).contains($0) })
        #expect(waits.contains { $0 < 43 } && waits.contains { $0 > 57 })
    }

    @Test("In an outage requests are multiplied by the budget only")
    func budget() {
        var budget = RetryBudget()
        let settings = RetrySettings()
        var retries = 0
        for request in 0..<10_000 {
            budget.earn(settings)
            let now = MonotonicTime(milliseconds: request)
            for _ in 0..<4 where budget.spend(inFlight: 10, at: now) { retries += 1 }
        }
        // A fifth, the hundred at the beginning, and ten a second.
        #expect((2_190...2_320).contains(retries))
    }

    @Test("As many requests as are in flight may be retried at once, when their worker dies")
    func burst() {
        var budget = RetryBudget()
        for _ in 0..<10_000 { budget.earn(RetrySettings()) }
        let now = MonotonicTime(milliseconds: 1)
        #expect((0..<2_000).count { _ in budget.spend(inFlight: 500, at: now) } == 500)
    }

    @Test("The threads of a data plane have what is always allowed together")
    func threads() {
        var now = MonotonicTime(milliseconds: 1)
        var settings = RetrySettings()
        settings.budgetPercent = 0
        var budgets = (0..<5).map { _ in RetryBudget(threads: 5) }
        func spendAll() -> Int {
            budgets.indices.reduce(0) { sum, thread in
                sum + (0..<1_000).count { _ in budgets[thread].spend(inFlight: 1, at: now) }
            }
        }
        #expect(spendAll() == 100)
        now = now.adding(milliseconds: 1_000)
        #expect(spendAll() == 10)
    }

    @Test("With little traffic ten retries a second are allowed")
    func few() {
        var budget = RetryBudget()
        var settings = RetrySettings()
        settings.budgetPercent = 0
        var now = MonotonicTime(milliseconds: 1)
        while budget.spend(inFlight: 1, at: now) {}
        now = now.adding(milliseconds: 1_000)
        budget.earn(settings)
        #expect((0..<100).count { _ in budget.spend(inFlight: 1, at: now) } == 10)
    }

    @Test(
        "Retry-After is read in seconds; a date or nonsense is not understood",
        arguments: [
            ("3", 3), ("0", 0), ("120", 120), ("Wed, 21 Oct 2026 07:28:00 GMT", nil), ("-1", nil), ("1.5", nil),
        ] as [(String, Int?)]
    )
    func retryAfter(text: String, seconds: Int?) throws {
        var fields = FieldTable()
        let head = Array("HTTP/1.1 503 No\r\nServer: x\r\nretry-AFTER: \(text)\r\n\r\n".utf8)
        _ = try ResponseHead.parse(head.span, into: &fields, isAnswerToHead: false, limits: HTTPLimits())
        #expect(fields.retryAfterSeconds(in: head.span) == seconds)
    }
}
