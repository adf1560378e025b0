import Testing

@testable import Supervisor

@Suite("Data planes that are replaced")
struct ReplacementTests {
    private let start = ContinuousClock.now
    private let configuration = SupervisorState.Configuration(
        dataPlanes: 2,
        readyTimeout: .seconds(30),
        dataPlaneGrace: .seconds(10)
    )

    private func running() -> SupervisorState {
        var (state, _) = SupervisorState.start(configuration, at: start)
        _ = state.controlPlaneReady("ready", at: start)
        return state
    }

    @Test("A successor serves before its predecessor is told to stop, one after the other")
    func order() {
        var state = running()
        let asked = state.replacementRequested(at: start)
        #expect(asked == [.report(.replacing([.dataPlane(0), .dataPlane(1)])), .spawn(.dataPlane(2))])
        #expect(state.dataPlaneReady(.dataPlane(1), at: start).isEmpty)
        let first = state.dataPlaneReady(.dataPlane(2), at: start)
        #expect(
            first == [
                .report(.replaced(.dataPlane(0), by: .dataPlane(2))), .terminate(.dataPlane(0)), .spawn(.dataPlane(3)),
            ]
        )
        let second = state.dataPlaneReady(.dataPlane(3), at: start)
        #expect(
            second == [
                .report(.replaced(.dataPlane(1), by: .dataPlane(3))), .terminate(.dataPlane(1)),
                .report(.replacementDone),
            ]
        )
        #expect(state.ended(.dataPlane(0), .exited(0), at: start).isEmpty, "a replaced one was started again")
        #expect(state.ended(.dataPlane(1), .exited(0), at: start).isEmpty)
        #expect(state.deadline == nil)
        guard case .restarting(.dataPlane(2), _, _) = state.ended(.dataPlane(2), .killed(signal: 9), at: start).notice
        else {
            Issue.record("a successor that dies later is not started again")
            return
        }
    }

    @Test("A successor that is not ready in time is killed, and what is not replaced goes on")
    func timeout() {
        var state = running()
        _ = state.replacementRequested(at: start)
        let late = start + SupervisorState.successorTimeout
        #expect(state.deadline == late)
        #expect(state.timePassed(at: late) == [.report(.replacementFailed(.dataPlane(2))), .kill(.dataPlane(2))])
        #expect(state.ended(.dataPlane(2), .killed(signal: 9), at: late).isEmpty)
        #expect(state.deadline == nil)
        #expect(state.replacementRequested(at: late).contains(.spawn(.dataPlane(3))))
    }

    @Test("A successor that dies ends the replacement and is not started again")
    func dies() {
        var state = running()
        _ = state.replacementRequested(at: start)
        #expect(state.ended(.dataPlane(2), .exited(1), at: start) == [.report(.replacementFailed(.dataPlane(2)))])
        #expect(state.deadline == nil)
    }

    @Test("Asked for again meanwhile, it happens once more, however often it was asked for")
    func coalesced() {
        var state = running()
        _ = state.replacementRequested(at: start)
        for _ in 0..<5 { #expect(state.replacementRequested(at: start).isEmpty) }
        _ = state.dataPlaneReady(.dataPlane(2), at: start)
        let done = state.dataPlaneReady(.dataPlane(3), at: start)
        #expect(done.suffix(2) == [.report(.replacing([.dataPlane(2), .dataPlane(3)])), .spawn(.dataPlane(4))])
        _ = state.dataPlaneReady(.dataPlane(4), at: start)
        #expect(state.dataPlaneReady(.dataPlane(5), at: start).last == .report(.replacementDone))
    }

    @Test("A predecessor that does not end in time is killed")
    func grace() {
        var state = running()
        _ = state.replacementRequested(at: start)
        _ = state.dataPlaneReady(.dataPlane(2), at: start)
        _ = state.dataPlaneReady(.dataPlane(3), at: start)
        let over = start + .seconds(10)
        #expect(state.deadline == over)
        let actions = state.timePassed(at: over)
        #expect(actions.contains(.kill(.dataPlane(0))) && actions.contains(.kill(.dataPlane(1))))
    }

    @Test("A predecessor that has died meanwhile is not started again when its successor serves")
    func predecessorDied() {
        var state = running()
        _ = state.replacementRequested(at: start)
        _ = state.ended(.dataPlane(0), .killed(signal: 9), at: start)
        let actions = state.dataPlaneReady(.dataPlane(2), at: start)
        #expect(!actions.contains(.terminate(.dataPlane(0))))
        #expect(!state.timePassed(at: start + .seconds(5)).contains(.spawn(.dataPlane(0))))
    }

    @Test("Stopping ends successors and predecessors alike")
    func stop() {
        var state = running()
        _ = state.replacementRequested(at: start)
        _ = state.dataPlaneReady(.dataPlane(2), at: start)
        let actions = state.stopRequested(bySignal: 15, at: start)
        for number in 1..<4 { #expect(actions.contains(.terminate(.dataPlane(number)))) }
        // It drains already; a second signal would cut what it serves.
        #expect(!actions.contains(.terminate(.dataPlane(0))))
    }
}

extension [SupervisorState.Action] {
    fileprivate var notice: SupervisorNotice? {
        for case .report(let notice) in self { return notice }
        return nil
    }
}
