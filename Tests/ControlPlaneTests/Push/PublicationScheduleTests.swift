import Testing

@testable import ControlPlane

@Suite struct PublicationScheduleTests {
    private let start = ContinuousClock.now

    private func idle() -> PublicationSchedule {
        var schedule = PublicationSchedule()
        _ = schedule.started(at: start)
        _ = schedule.finished(at: start, succeeded: true)
        return schedule
    }

    @Test("Nothing is built before the start, then the state of that moment")
    func started() {
        var schedule = PublicationSchedule()
        #expect(schedule.changed(at: start) == nil)
        #expect(schedule.started(at: start + .seconds(1)) == .build(since: start))
        #expect(schedule.started(at: start + .seconds(1)) == nil)
    }

    @Test("A change is built at once when idle")
    func immediate() {
        var schedule = idle()
        #expect(schedule.changed(at: start + .seconds(1)) == .build(since: start + .seconds(1)))
    }

    @Test("Changes during a build make one more build, after half the time that the first took")
    func coalescing() {
        var schedule = idle()
        _ = schedule.changed(at: start)
        for millisecond in 1...8 { #expect(schedule.changed(at: start + .milliseconds(millisecond)) == nil) }
        #expect(schedule.finished(at: start + .milliseconds(10), succeeded: true) == .wake(after: .milliseconds(5)))
        #expect(schedule.changed(at: start + .milliseconds(12)) == nil)
        #expect(schedule.woken(at: start + .milliseconds(15)) == .build(since: start + .milliseconds(1)))
        #expect(schedule.finished(at: start + .milliseconds(16), succeeded: true) == nil)
    }

    @Test("A change just after a build waits for the rest of the pause")
    func pause() {
        var schedule = idle()
        _ = schedule.changed(at: start)
        #expect(schedule.finished(at: start + .milliseconds(10), succeeded: true) == nil)
        #expect(schedule.changed(at: start + .milliseconds(12)) == .wake(after: .milliseconds(3)))
        #expect(schedule.changed(at: start + .milliseconds(13)) == nil)
        #expect(schedule.woken(at: start + .milliseconds(15)) == .build(since: start + .milliseconds(12)))
    }

    @Test("A failed build is tried again and keeps the age of its changes")
    func failure() {
        var schedule = idle()
        _ = schedule.changed(at: start)
        let action = schedule.finished(at: start + .milliseconds(1), succeeded: false)
        #expect(action == .wake(after: PublicationSchedule.retryPause))
        #expect(schedule.woken(at: start + .seconds(2)) == .build(since: start))
    }

    @Test("After the stop nothing is built")
    func stopped() {
        var schedule = idle()
        schedule.stopped()
        #expect(schedule.changed(at: start) == nil)
        #expect(schedule.woken(at: start) == nil)
    }
}
