import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct WorkerBreakersTests {
    private static let now = MonotonicTime(milliseconds: 1_000)
    private let shared = SharedState(slotsMax: 8)

    private func fail(_ slot: Int, times: Int = 10, pools: [[Int]], _ settings: BreakerSettings = BreakerSettings()) {
        for _ in 0..<times {
            shared.breakers.failed(slot: slot, "x", isTrial: false, at: Self.now, settings) { pools }
        }
    }

    private func open(slots: Int) {
        for slot in 0..<slots { shared.loads.open(slot: slot) }
    }

    private func isOut(_ slot: Int) -> Bool { !shared.loads.gate(slot: slot).admits(at: Self.now) }

    @Test("At most the allowed share of a model's workers is out at one time")
    func share() {
        open(slots: 5)
        let pools = [[0, 1, 2, 3, 4]]
        for slot in 0..<5 { fail(slot, pools: pools) }
        #expect((0..<5).filter(isOut) == [0, 1])
    }

    @Test("The only worker of a model is never out, unless the settings allow all to be")
    func onlyWorker() {
        open(slots: 3)
        fail(0, pools: [[0, 1, 2], [0]])
        #expect(!isOut(0))
        var settings = BreakerSettings()
        settings.openPercentMax = 100
        fail(0, times: 1, pools: [[0, 1, 2], [0]], settings)
        #expect(isOut(0))
    }

    @Test("A worker that stayed in goes out as soon as there is room for it")
    func waitsForRoom() {
        open(slots: 2)
        fail(0, pools: [[0, 1]])
        fail(1, pools: [[0, 1]])
        #expect(isOut(0) && !isOut(1))
        shared.breakers.forget(slot: 0)
        fail(1, times: 1, pools: [[0, 1]])
        #expect(!isOut(0) && isOut(1))
    }

    @Test("A worker rests as it asks, for half a minute at most, and never the last one of a model")
    func rest() {
        open(slots: 2)
        let settings = BreakerSettings()
        func isOut(_ slot: Int, after milliseconds: Int) -> Bool {
            !shared.loads.gate(slot: slot).admits(at: Self.now.adding(milliseconds: milliseconds))
        }
        shared.breakers.rest(slot: 0, milliseconds: 90_000, at: Self.now, settings, pools: [[0, 1]])
        #expect(isOut(0, after: 29_999) && !isOut(0, after: 30_000))
        #expect(shared.breakers.reports(at: Self.now)[0]?.state == .open)
        shared.breakers.rest(slot: 1, milliseconds: 5_000, at: Self.now, settings, pools: [[0, 1]])
        #expect(!isOut(1, after: 0))
        // The other one is lost: a rest is not worth an outage.
        fail(1, pools: [[0, 1]])
        #expect(isOut(0, after: 0) != isOut(1, after: 0))
        let later = Self.now.adding(milliseconds: 30_000)
        let (mayGo, isTrial) = shared.breakers.begin(slot: 0, at: later, settings)
        #expect(mayGo && !isTrial && shared.breakers.reports(at: later)[0] == nil)
    }

    @Test("No more workers rest at one time than breakers may take out")
    func restingShare() {
        open(slots: 6)
        let pool = Array(0..<6)
        for slot in pool {
            shared.breakers.rest(slot: slot, milliseconds: 20_000, at: Self.now, BreakerSettings(), pools: [pool])
        }
        #expect(
            pool.map { shared.loads.gate(slot: $0).admits(at: Self.now) } == [false, false, false, true, true, true]
        )
    }

    @Test("A slot that gets another worker inherits nothing")
    func forget() {
        open(slots: 2)
        fail(0, pools: [[0, 1]])
        #expect(shared.breakers.reports(at: Self.now)[0]?.state == .open)
        shared.breakers.forget(slot: 0)
        #expect(shared.breakers.reports(at: Self.now).isEmpty)
        #expect(shared.loads.gate(slot: 0) == .clear)
    }

    @Test("A worker without trouble has no breaker")
    func quiet() {
        open(slots: 1)
        fail(0, times: 1, pools: [])
        shared.breakers.succeeded(slot: 0, isTrial: false, BreakerSettings())
        #expect(shared.breakers.reports(at: Self.now).isEmpty)
        #expect(shared.breakers.begin(slot: 0, at: Self.now, BreakerSettings()) == (true, false))
    }
}
