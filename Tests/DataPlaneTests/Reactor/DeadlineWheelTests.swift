import DataPlaneCore
import Testing

@testable import DataPlane

struct DeadlineWheelTests {
    private func time(_ milliseconds: Int) -> MonotonicTime { MonotonicTime(milliseconds: milliseconds) }
    private func id(_ slot: UInt32) -> ConnectionID { ConnectionID(slot: slot, generation: 1) }

    @Test("A deadline is taken after its time, and at most two slots late", arguments: [0, 1, 49, 50, 51, 999, 20_000])
    func lateness(milliseconds: Int) {
        var wheel = DeadlineWheel(now: time(1_000))
        _ = wheel.insert(id(1), at: time(1_000 + milliseconds), now: time(1_000))
        var due: [ConnectionID] = []
        var now = 1_000
        while due.isEmpty {
            now += 10
            wheel.take(until: time(now), into: &due)
        }
        #expect(now >= 1_000 + milliseconds)
        #expect(now <= 1_000 + milliseconds + 110)
    }

    @Test("A time beyond one turn is filed at the end of the turn")
    func farAway() {
        var wheel = DeadlineWheel(now: time(0))
        let filedAt = wheel.insert(id(1), at: time(3_600_000), now: time(0))
        #expect(filedAt.milliseconds > 20_000)
        #expect(filedAt.milliseconds < 26_000)
        var due: [ConnectionID] = []
        wheel.take(until: filedAt, into: &due)
        #expect(due == [id(1)])
    }

    @Test("A wheel that slept for hours files from the present time on")
    func slept() {
        var wheel = DeadlineWheel(now: time(0))
        let filedAt = wheel.insert(id(1), at: time(9_000_100), now: time(9_000_000))
        #expect(filedAt.milliseconds >= 9_000_100)
        #expect(filedAt.milliseconds < 9_000_300)
    }

    @Test("Everything filed is taken exactly once")
    func once() {
        var wheel = DeadlineWheel(now: time(0))
        for slot in 0..<1_000 { _ = wheel.insert(id(UInt32(slot)), at: time(slot * 20), now: time(0)) }
        var due: [ConnectionID] = []
        wheel.take(until: time(100_000), into: &due)
        #expect(Set(due).count == 1_000)
        #expect(due.count == 1_000)
        #expect(wheel.count == 0)
    }
}
