import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct AdmissionGateTests {
    @Test("No more requests than the limit are taken on at one time; 0 is no limit")
    func concurrency() {
        let gate = AdmissionGate()
        #expect((0..<5).map { _ in gate.enter(max: 3) } == [true, true, true, false, false])
        #expect(gate.isFull(max: 3))
        gate.leave()
        #expect(!gate.isFull(max: 3))
        #expect(gate.enter(max: 3))
        #expect(gate.enter(max: 0))
        #expect(!gate.isFull(max: 0))
    }

    @Test("As many as fit into the bucket begin at once, then one each interval")
    func rate() {
        let gate = AdmissionGate()
        var settings = AdmissionSettings()
        settings.requestsPerSecondMax = 10
        settings.concurrentRequestsMax = 3
        let now = MonotonicTime(milliseconds: 5_000)
        #expect((0..<4).map { _ in gate.takeToken(settings, at: now) } == [nil, nil, nil, 100])
        #expect(gate.millisecondsToToken(settings, at: now.adding(milliseconds: 40)) == 60)
        #expect(gate.takeToken(settings, at: now.adding(milliseconds: 100)) == nil)
        #expect(gate.takeToken(settings, at: now.adding(milliseconds: 100)) == 100)
        // An idle minute fills it, but not beyond its size.
        let later = now.adding(milliseconds: 60_000)
        #expect((0..<4).map { _ in gate.takeToken(settings, at: later) } == [nil, nil, nil, 100])
    }

    @Test("Over a long time the rate is kept exactly")
    func average() {
        let gate = AdmissionGate()
        var settings = AdmissionSettings()
        settings.requestsPerSecondMax = 100
        let begun = (0..<100_000).count { gate.takeToken(settings, at: MonotonicTime(milliseconds: $0)) == nil }
        #expect((10_090...10_110).contains(begun))
    }

    @Test("Without a rate there is always a token")
    func unlimited() {
        let gate = AdmissionGate()
        let now = MonotonicTime(milliseconds: 0)
        #expect((0..<1000).allSatisfy { _ in gate.takeToken(AdmissionSettings(), at: now) == nil })
    }
}
