import Testing

@testable import Supervisor

@Suite struct RestartBackoffTests {
    @Test("Waits double from 50 ms to 5 s while the lives are short")
    func doubling() {
        var backoff = RestartBackoff()
        let delays = (0..<9).map { _ in backoff.delay(afterLife: .zero) }
        #expect(delays == [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000].map { .milliseconds($0) })
    }

    @Test("A life of ten seconds starts the count anew")
    func reset() {
        var backoff = RestartBackoff()
        for _ in 0..<5 { _ = backoff.delay(afterLife: .seconds(9)) }
        #expect(backoff.delay(afterLife: .seconds(10)) == .milliseconds(50))
        #expect(backoff.delay(afterLife: .zero) == .milliseconds(100))
    }
}
