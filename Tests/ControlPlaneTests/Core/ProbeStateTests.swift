import SignalboxProtocol
import Testing

@testable import ControlPlaneCore

@Suite("The probe state")
struct ProbeStateTests {
    private let settings = ProbeSettings()
    private let failure = ProbeOutcome.failure(reason: "GET /health answered 503.")

    private func state(_ start: ProbeState.Start) -> ProbeState {
        ProbeState(start, settings: settings, at: 0)
    }

    @Test("of a new worker is pending until one probe succeeds")
    func pendingToReady() {
        var state = state(.new)
        #expect(state.probed(failure, at: 1) == .reasonChanged)
        #expect(state.probed(failure, at: 2) == .unchanged)
        #expect(state.health == .pending)
        #expect(state.probed(.success, at: 3) == .becameReady)
        #expect(state.health == .ready)
        #expect(state.since == 3)
    }

    @Test("stays ready through fewer failures than the threshold")
    func readyStays() {
        var state = state(.probed)
        for _ in 0..<10 {
            #expect(state.probed(failure, at: 1) == .unchanged)
            #expect(state.probed(failure, at: 2) == .unchanged)
            #expect(state.probed(.success, at: 3) == .unchanged)
        }
        #expect(state.health == .ready)
    }

    @Test("becomes unhealthy at the third failure in a row and ready again at the second success in a row")
    func unhealthyAndBack() {
        var state = state(.probed)
        _ = state.probed(failure, at: 1)
        _ = state.probed(failure, at: 2)
        #expect(state.probed(failure, at: 3) == .becameUnhealthy)
        #expect(state.reason == "GET /health answered 503.")
        #expect(state.probed(.success, at: 4) == .unchanged)
        #expect(state.probed(failure, at: 5) == .unchanged)
        #expect(state.probed(.success, at: 6) == .unchanged)
        #expect(state.probed(.success, at: 7) == .becameReady)
    }

    @Test("says nothing to data planes of a worker that was ready before, until that is confirmed or refuted")
    func presumed() {
        var generator = SystemRandomNumberGenerator()
        let incarnation = IncarnationID.random(using: &generator)
        var state = state(.wasReady)
        #expect(state.observation(of: incarnation, since: "") == nil)
        _ = state.probed(failure, at: 1)
        #expect(state.observation(of: incarnation, since: "") == nil)
        _ = state.probed(failure, at: 2)
        #expect(state.probed(failure, at: 3) == .becameUnhealthy)
        #expect(state.observation(of: incarnation, since: "")?.state == .unhealthy)
    }

    @Test("tells data planes what its probes ask for, and that no probe ends a hold")
    func wire() {
        var generator = SystemRandomNumberGenerator()
        let incarnation = IncarnationID.random(using: &generator)
        let plain = state(.probed).observation(of: incarnation, since: "")
        #expect(plain?.isHeld == nil && plain?.probe == nil)
        let own = ProbeState(.probed, settings: ProbeSettings(path: "/live"), at: 0)
        let held = own.held(by: HealthHold(since: 1, reason: "NotReady")).observation(of: incarnation, since: "")
        #expect(held?.isHeld == true && held?.probe == ProbeTerms(path: "/live") && held?.state == .unhealthy)
    }

    @Test("of a worker that was ready before is confirmed by one success")
    func presumedConfirmed() {
        var state = state(.wasReady)
        #expect(state.probed(.success, at: 1) == .becameReady)
    }

    @Test("is pending again when the first readiness cannot be stored")
    func readinessLost() {
        var state = state(.new)
        _ = state.probed(.success, at: 1)
        state.readinessLost(reason: "The disk is full.", at: 2)
        #expect(state.health == .pending)
        #expect(state.probed(.success, at: 3) == .becameReady)
    }

    @Test("probes a pending worker after 50, 100, 200 ... milliseconds, at most the longest interval")
    func backoff() {
        let waits = (1...10).map { settings.pendingInterval(afterFailures: $0).wholeMilliseconds }
        #expect(waits == [50, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
        #expect(settings.pendingInterval(afterFailures: .max) == .seconds(10))
    }

    @Test("probes a ready worker rarely, one in doubt and an unhealthy one often")
    func intervals() {
        var state = state(.probed)
        #expect(state.schedule(at: 0, spread: 0) == .seconds(10))
        #expect(state.nextProbe == 10_000)
        _ = state.probed(failure, at: 1)
        #expect(state.schedule(at: 0, spread: 0) == .seconds(1))
        _ = state.probed(failure, at: 2)
        _ = state.probed(failure, at: 3)
        #expect(state.schedule(at: 0, spread: 0) == .seconds(1))
    }

    @Test("moves probes by at most a tenth of the interval")
    func spread() {
        var state = state(.probed)
        #expect(state.schedule(at: 0, spread: 1) == .seconds(11))
        #expect(state.schedule(at: 0, spread: -1) == .seconds(9))
    }

    @Test("follows the worker's own thresholds and intervals")
    func ownSettings() {
        let health = WorkerHealthSettings(
            timeoutSeconds: 2,
            intervalSeconds: 30,
            successThreshold: 1,
            failureThreshold: 1
        )
        let own = settings.adjusted(for: health)
        #expect(own.timeout == .seconds(2))
        var state = ProbeState(.probed, settings: own, at: 0)
        #expect(state.schedule(at: 0, spread: 0) == .seconds(30))
        #expect(state.probed(failure, at: 1) == .becameUnhealthy)
        #expect(state.probed(.success, at: 2) == .becameReady)
    }
}
