import SignalboxProtocol
import Testing

@testable import DataPlaneCore

@Suite("A data plane that probes by itself")
struct LocalHealthTests {
    private let worker = Samples.worker(1).incarnation
    private let start = MonotonicTime(milliseconds: 1_000)

    private func watching(_ state: ObservedState, mayBecomeReady: Bool = true) -> LocalHealth {
        var health = LocalHealth()
        health.watch([LocalHealth.Subject(worker, state, mayBecomeReady: mayBecomeReady)], at: start)
        return health
    }

    private func probe(_ health: inout LocalHealth, _ isWell: Bool, at now: MonotonicTime) -> Bool {
        let due = health.due(at: now)
        #expect(due == [worker])
        return health.probed(worker, isWell ? .well : .failed, at: now)
    }

    @Test("believes what was known, takes three failures for an end, and two answers for a return")
    func thresholds() {
        var health = watching(.ready)
        var now = start
        for (isWell, state) in [
            (false, ObservedState.ready), (false, .ready), (false, .unhealthy), (true, .unhealthy), (false, .unhealthy),
            (true, .unhealthy), (true, .ready),
        ] {
            let before = health.states[worker]
            let isNews = probe(&health, isWell, at: now)
            #expect(isNews == (before != state))
            #expect(health.states[worker] == state)
            now = now.adding(milliseconds: LocalHealth.failingMilliseconds)
        }
    }

    @Test("takes one answer of a worker that was never ready")
    func pending() {
        var health = watching(.pending)
        let isNews = probe(&health, true, at: start)
        #expect(isNews)
        #expect(health.states[worker] == .ready)
    }

    @Test("probes a good worker rarely, a failing one often, and none twice at one time")
    func schedule() {
        var health = watching(.ready)
        let (first, second) = (health.due(at: start), health.due(at: start))
        #expect(first == [worker] && second.isEmpty)
        _ = health.probed(worker, .well, at: start)
        #expect(health.nextDue == start.adding(milliseconds: LocalHealth.readyMilliseconds))
        let later = start.adding(milliseconds: LocalHealth.readyMilliseconds)
        _ = probe(&health, false, at: later)
        #expect(health.nextDue == later.adding(milliseconds: LocalHealth.failingMilliseconds))
    }

    @Test("tells a worker that is not heard at all from one that refuses or answers with an error")
    func silence() {
        var health = watching(.ready)
        var now = start
        func probe(_ outcome: LocalHealth.Outcome) -> Bool {
            now = now.adding(milliseconds: LocalHealth.failingMilliseconds)
            _ = health.due(at: now)
            return health.probed(worker, outcome, at: now)
        }
        for (outcome, isNews, isSilent) in [
            (LocalHealth.Outcome.silent, false, false), (.silent, false, false), (.silent, true, true),
            (.silent, false, true), (.failed, true, false), (.silent, true, true), (.well, true, false),
        ] {
            #expect(probe(outcome) == isNews)
            #expect(health.silent == (isSilent ? [worker] : []))
        }
    }

    @Test("makes no worker ready for which its probes do not decide, but lets in again what it took out")
    func heldBack() {
        for state in [ObservedState.pending, .unhealthy] {
            var health = watching(state, mayBecomeReady: false)
            #expect(health.due(at: start).isEmpty && health.nextDue == nil)
            #expect(health.states[worker] == state)
        }
        var health = watching(.ready, mayBecomeReady: false)
        var now = start
        for (outcome, state) in [
            (LocalHealth.Outcome.failed, ObservedState.ready), (.failed, .ready), (.failed, .unhealthy),
            (.well, .unhealthy), (.answered, .ready),
        ] {
            _ = health.due(at: now)
            _ = health.probed(worker, outcome, at: now)
            #expect(health.states[worker] == state)
            now = now.adding(milliseconds: LocalHealth.failingMilliseconds)
        }
    }

    @Test(
        "takes an answer that is no success for a sign of life, and for nothing more",
        arguments: [
            ObservedState.pending, .unhealthy,
        ]
    )
    func otherAnswers(state: ObservedState) {
        var (told, ready) = (watching(state), watching(.ready))
        var now = start
        for _ in 0..<5 {
            _ = (told.due(at: now), ready.due(at: now))
            _ = (told.probed(worker, .answered, at: now), ready.probed(worker, .answered, at: now))
            now = now.adding(milliseconds: LocalHealth.readyMilliseconds)
        }
        #expect(told.states[worker] == state && ready.states[worker] == .ready)
    }

    @Test("finds the one that returns among 200 that hang")
    func starvation() {
        let many = (1...200).map {
            LocalHealth.Subject(Samples.worker($0).incarnation, .unhealthy, mayBecomeReady: true)
        }
        for returning in [many[0], many[99], many[199]] {
            var health = LocalHealth()
            health.watch(many, at: start)
            var (now, rounds) = (start, 0)
            while health.states[returning.incarnation] != .ready, rounds < 20 {
                let due = health.due(at: now)
                now = now.adding(milliseconds: 2_000)
                for incarnation in due {
                    _ = health.probed(incarnation, incarnation == returning.incarnation ? .well : .silent, at: now)
                }
                rounds += 1
            }
            // 64 at a time: four rounds for all, and two answers are needed.
            #expect(rounds <= 8)
        }
    }

    @Test("forgets workers that are gone, and has only so many probes at one time")
    func bounds() {
        var health = LocalHealth()
        let many = (1...200).map { LocalHealth.Subject(Samples.worker($0).incarnation, .ready, mayBecomeReady: true) }
        health.watch(many, at: start)
        let (first, second) = (health.due(at: start), health.due(at: start))
        #expect(first.count == LocalHealth.probesMax && second.isEmpty && health.nextDue == nil)
        health.watch([], at: start)
        #expect(health.states.isEmpty)
        let isNews = health.probed(many[0].incarnation, .well, at: start)
        #expect(!isNews)
    }

    @Test("judges each worker by its own thresholds")
    func terms() {
        var health = LocalHealth()
        let terms = ProbeTerms(failureThreshold: 5, successThreshold: 1)
        health.watch([LocalHealth.Subject(worker, .ready, mayBecomeReady: true, terms: terms)], at: start)
        var now = start
        for (isWell, state) in [
            (false, ObservedState.ready), (false, .ready), (false, .ready), (false, .ready), (false, .unhealthy),
            (true, .ready),
        ] {
            _ = probe(&health, isWell, at: now)
            #expect(health.states[worker] == state)
            now = now.adding(milliseconds: LocalHealth.failingMilliseconds)
        }
    }

    /// What is observed when so many of so many ready workers fall silent, and the others answer.
    private func silence(_ silent: Int, of count: Int, panicPercent: Int = 50) -> (unhealthy: Int, isSuspected: Bool) {
        let workers = (1...count).map { Samples.worker($0).incarnation }
        var health = LocalHealth(panicPercent: panicPercent)
        health.watch(workers.map { LocalHealth.Subject($0, .ready, mayBecomeReady: true) }, at: start)
        var now = start
        for _ in 0..<4 {
            for due in health.due(at: now) {
                _ = health.probed(due, workers.prefix(silent).contains(due) ? .silent : .well, at: now)
            }
            now = now.adding(milliseconds: LocalHealth.readyMilliseconds)
        }
        #expect(health.isSuspected == health.silent.isEmpty || silent == 0)
        return (health.states.values.count { $0 == .unhealthy }, health.isSuspected)
    }

    @Test("suspects itself when most workers fall silent at once, and goes on routing to them")
    func suspicion() {
        #expect(silence(2, of: 4) == (2, false))
        #expect(silence(3, of: 4) == (0, true))
        #expect(silence(4, of: 4) == (0, true))
        #expect(silence(2, of: 2) == (2, false), "two are no crowd")
        #expect(silence(4, of: 4, panicPercent: 0) == (4, false))
    }
}
