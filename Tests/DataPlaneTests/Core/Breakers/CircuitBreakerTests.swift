import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct CircuitBreakerTests {
    private static let settings: BreakerSettings = {
        var settings = BreakerSettings()
        settings.failureThreshold = 3
        settings.successThreshold = 2
        settings.openMilliseconds = 3_000
        settings.windowMilliseconds = 10_000
        return settings
    }()

    private static func time(_ milliseconds: Int) -> MonotonicTime { MonotonicTime(milliseconds: milliseconds) }

    private func fail(_ breaker: inout CircuitBreaker, at milliseconds: Int, isTrial: Bool = false) {
        if breaker.failed("It fell over.", isTrial: isTrial, at: Self.time(milliseconds), Self.settings) {
            breaker.open(at: Self.time(milliseconds), Self.settings)
        }
    }

    private func opened(at milliseconds: Int = 1_000) -> CircuitBreaker {
        var breaker = CircuitBreaker()
        for _ in 0..<3 { fail(&breaker, at: milliseconds) }
        return breaker
    }

    @Test("As many failures in a row as the threshold open it, for a second")
    func opens() {
        var breaker = CircuitBreaker()
        #expect(breaker.isUnused)
        fail(&breaker, at: 1_000)
        fail(&breaker, at: 1_000)
        #expect(breaker.gate(Self.settings) == .watched)
        fail(&breaker, at: 1_000)
        #expect(breaker.gate(Self.settings) == .open(until: Self.time(2_000)))
        let report = breaker.report(at: Self.time(1_500))
        #expect(report == BreakerReport(state: .open, failures: 3, reason: "It fell over."))
    }

    @Test("A success in between begins the row anew, and leaves nothing behind")
    func success() {
        var breaker = CircuitBreaker()
        for _ in 0..<5 {
            fail(&breaker, at: 1_000)
            fail(&breaker, at: 1_000)
            breaker.succeeded(isTrial: false, Self.settings)
            #expect(breaker.isUnused)
        }
    }

    @Test("Failures further apart than the window are not in a row")
    func window() {
        var breaker = CircuitBreaker()
        for number in 0..<10 { fail(&breaker, at: number * 10_001) }
        #expect(breaker.failures == 1)
        fail(&breaker, at: 100_000)
        fail(&breaker, at: 110_000)
        #expect(breaker.gate(Self.settings) != .watched)
    }

    @Test("A trial that fails after others have closed it counts as one failure, and no trial is lost count of")
    func lateTrial() {
        var breaker = opened()
        #expect(breaker.begin(at: Self.time(2_000), Self.settings) == (true, true))
        #expect(breaker.begin(at: Self.time(2_000), Self.settings) == (true, true))
        breaker.succeeded(isTrial: true, Self.settings)
        #expect(breaker.begin(at: Self.time(2_000), Self.settings) == (true, true))
        breaker.succeeded(isTrial: true, Self.settings)
        #expect(breaker.gate(Self.settings) == .clear)
        #expect(!breaker.isUnused)
        fail(&breaker, at: 2_100, isTrial: true)
        #expect(breaker.gate(Self.settings) == .watched)
        #expect(breaker.failures == 1)
        breaker.succeeded(isTrial: false, Self.settings)
        #expect(breaker.isUnused)
    }

    @Test("With a threshold of 0 it never opens")
    func disabled() {
        var settings = Self.settings
        settings.failureThreshold = 0
        var breaker = CircuitBreaker()
        for _ in 0..<100 {
            let wantsToOpen = breaker.failed("x", isTrial: false, at: Self.time(1), settings)
            #expect(!wantsToOpen)
        }
    }

    @Test("After its time a bounded number of trials may run, and enough successes close it")
    func trials() {
        var breaker = opened()
        #expect(breaker.begin(at: Self.time(1_999), Self.settings) == (false, false))
        #expect(breaker.begin(at: Self.time(2_000), Self.settings) == (true, true))
        #expect(breaker.gate(Self.settings) == .halfOpen)
        #expect(breaker.begin(at: Self.time(2_000), Self.settings) == (true, true))
        #expect(breaker.gate(Self.settings) == .full)
        #expect(breaker.begin(at: Self.time(2_000), Self.settings) == (false, false))
        breaker.succeeded(isTrial: true, Self.settings)
        #expect(breaker.gate(Self.settings) == .halfOpen)
        breaker.succeeded(isTrial: true, Self.settings)
        #expect(breaker.isUnused)
        #expect(breaker.begin(at: Self.time(2_000), Self.settings) == (true, false))
    }

    @Test("A trial that fails opens it again, each time twice as long up to the limit")
    func doubles() {
        var breaker = opened()
        var now = 1_000
        for wait in [1_000, 2_000, 3_000, 3_000] {
            #expect(breaker.gate(Self.settings) == .open(until: Self.time(now + wait)))
            now += wait
            #expect(breaker.begin(at: Self.time(now), Self.settings).isTrial)
            fail(&breaker, at: now, isTrial: true)
        }
    }

    @Test("The first time is a second again once it has closed")
    func startsOver() {
        var breaker = opened()
        _ = breaker.begin(at: Self.time(2_000), Self.settings)
        fail(&breaker, at: 2_000, isTrial: true)
        for _ in 0..<2 {
            _ = breaker.begin(at: Self.time(4_000), Self.settings)
            breaker.succeeded(isTrial: true, Self.settings)
        }
        for _ in 0..<3 { fail(&breaker, at: 5_000) }
        #expect(breaker.gate(Self.settings) == .open(until: Self.time(6_000)))
    }

    @Test("A trial whose client goes away gives its place back and decides nothing")
    func abandoned() {
        var breaker = opened()
        for _ in 0..<2 { _ = breaker.begin(at: Self.time(2_000), Self.settings) }
        breaker.abandoned()
        #expect(breaker.gate(Self.settings) == .halfOpen)
        #expect(breaker.begin(at: Self.time(2_000), Self.settings) == (true, true))
    }

    @Test("Requests that were sent before it opened decide nothing any more")
    func lateOutcomes() {
        var breaker = opened()
        fail(&breaker, at: 1_900)
        breaker.succeeded(isTrial: false, Self.settings)
        #expect(breaker.gate(Self.settings) == .open(until: Self.time(2_000)))
        _ = breaker.begin(at: Self.time(2_000), Self.settings)
        fail(&breaker, at: 2_000)
        breaker.succeeded(isTrial: false, Self.settings)
        breaker.succeeded(isTrial: false, Self.settings)
        #expect(breaker.gate(Self.settings) == .halfOpen)
    }

    @Test("A worker that answers its probes again is tried at once")
    func probedWell() {
        var breaker = opened()
        breaker.probedWell()
        #expect(breaker.begin(at: Self.time(1_001), Self.settings) == (true, true))
    }
}
