import Testing

@testable import Supervisor

@Suite struct SupervisorStateTests {
    private let start = ContinuousClock.now
    private let configuration = SupervisorState.Configuration(
        dataPlanes: 2,
        readyTimeout: .seconds(30),
        dataPlaneGrace: .seconds(10)
    )

    /// A supervisor whose children all run.
    private func running() -> SupervisorState {
        var (state, _) = SupervisorState.start(configuration, at: start)
        _ = state.controlPlaneReady("ready", at: start)
        return state
    }

    @Test("The control plane starts alone, the data planes when it is ready")
    func order() {
        var (state, first) = SupervisorState.start(configuration, at: start)
        #expect(first == [.spawn(.controlPlane)])
        let actions = state.controlPlaneReady("ready {}", at: start)
        #expect(actions == [.spawn(.dataPlane(0)), .spawn(.dataPlane(1)), .report(.ready("ready {}"))])
        #expect(state.deadline == nil)
    }

    @Test("A control plane that ends before it is ready ends everything with its status")
    func failedStart() {
        var (state, _) = SupervisorState.start(configuration, at: start)
        #expect(state.ended(.controlPlane, .exited(75), at: start) == [.exit(75)])
        (state, _) = SupervisorState.start(configuration, at: start)
        #expect(state.ended(.controlPlane, .killed(signal: 9), at: start) == [.exit(137)])
        (state, _) = SupervisorState.start(configuration, at: start)
        #expect(state.ended(.controlPlane, .exited(0), at: start) == [.exit(70)])
    }

    @Test("A control plane that is not ready in time is killed and nothing else starts")
    func readyTimeout() {
        var (state, _) = SupervisorState.start(configuration, at: start)
        #expect(state.deadline == start + .seconds(30))
        #expect(state.timePassed(at: start + .seconds(29)) == [])
        let actions = state.timePassed(at: start + .seconds(30))
        #expect(actions == [.report(.notReady(within: .seconds(30))), .kill(.controlPlane)])
        #expect(state.ended(.controlPlane, .killed(signal: 9), at: start + .seconds(30)) == [.exit(70)])
    }

    @Test(
        "A dead child is started again by itself after its backoff",
        arguments: [ChildName.controlPlane, .dataPlane(1)]
    )
    func restart(name: ChildName) {
        var state = running()
        let actions = state.ended(name, .killed(signal: 9), at: start + .seconds(1))
        #expect(actions == [.report(.restarting(name, .killed(signal: 9), after: .milliseconds(50)))])
        #expect(state.deadline == start + .milliseconds(1050))
        #expect(state.timePassed(at: start + .milliseconds(1049)) == [])
        #expect(state.timePassed(at: start + .milliseconds(1050)) == [.spawn(name)])
        #expect(state.deadline == nil)
    }

    @Test("A restarted control plane that gets ready leaves the data planes alone")
    func laterReady() {
        var state = running()
        _ = state.ended(.controlPlane, .killed(signal: 9), at: start)
        _ = state.timePassed(at: start + .seconds(1))
        #expect(state.controlPlaneReady("ready", at: start + .seconds(1)) == [])
    }

    @Test("Stopping drains the data planes first, then the control plane, and succeeds")
    func stop() {
        var state = running()
        let actions = state.stopRequested(bySignal: 15, at: start)
        #expect(
            actions == [
                .report(.stopping(signal: 15)), .closeListener, .terminate(.dataPlane(0)), .terminate(.dataPlane(1)),
            ]
        )
        #expect(state.ended(.dataPlane(1), .exited(0), at: start) == [])
        #expect(state.ended(.dataPlane(0), .exited(0), at: start) == [.terminate(.controlPlane)])
        #expect(state.ended(.controlPlane, .exited(0), at: start) == [.exit(0)])
        #expect(state.deadline == nil)
    }

    @Test("A child that dies while everything stops is not started again")
    func noRestartWhileStopping() {
        var state = running()
        _ = state.ended(.dataPlane(0), .killed(signal: 9), at: start)
        _ = state.stopRequested(bySignal: 15, at: start)
        #expect(state.ended(.controlPlane, .exited(0), at: start) == [])
        #expect(state.timePassed(at: start + .seconds(1)) == [])
        #expect(state.ended(.dataPlane(1), .exited(0), at: start + .seconds(1)) == [.exit(0)])
    }

    @Test("What does not stop in time is killed and makes the status 1")
    func graceOver() {
        var state = running()
        _ = state.stopRequested(bySignal: 15, at: start)
        _ = state.ended(.dataPlane(0), .exited(0), at: start)
        let end = start + .seconds(10)
        #expect(state.timePassed(at: end) == [.report(.graceOver([.dataPlane(1)])), .kill(.dataPlane(1))])
        #expect(state.ended(.dataPlane(1), .killed(signal: 9), at: end) == [.terminate(.controlPlane)])
        #expect(
            state.timePassed(at: end + .seconds(5)) == [.report(.graceOver([.controlPlane])), .kill(.controlPlane)]
        )
        #expect(state.ended(.controlPlane, .killed(signal: 9), at: end + .seconds(5)) == [.exit(1)])
    }

    @Test("Even processes that survive SIGKILL do not hold up the end")
    func unkillable() {
        var state = running()
        _ = state.stopRequested(bySignal: 15, at: start)
        var now = start
        var last: [SupervisorState.Action] = []
        var steps = 0
        while let deadline = state.deadline {
            now = deadline
            last = state.timePassed(at: now)
            steps += 1
        }
        #expect(steps == 4)
        #expect(last == [.exit(1)])
        #expect(start.duration(to: now) == .seconds(10 + 2 + 5 + 2))
    }

    @Test("A second signal cuts what data planes still serve, and then stops the control plane")
    func secondSignal() {
        var state = running()
        _ = state.stopRequested(bySignal: 2, at: start)
        let actions = state.stopRequested(bySignal: 15, at: start)
        #expect(actions == [.cut(.dataPlane(0)), .cut(.dataPlane(1))])
        #expect(state.ended(.dataPlane(0), .exited(0), at: start) == [])
        #expect(state.ended(.dataPlane(1), .exited(0), at: start) == [.terminate(.controlPlane)])
        #expect(state.ended(.controlPlane, .exited(0), at: start) == [.exit(143)])
    }

    @Test("What is not cut in time is killed")
    func cutInVain() {
        var state = running()
        _ = state.stopRequested(bySignal: 2, at: start)
        _ = state.stopRequested(bySignal: 15, at: start)
        let end = start + .seconds(2)
        #expect(
            state.timePassed(at: end) == [
                .report(.graceOver([.dataPlane(0), .dataPlane(1)])), .kill(.dataPlane(0)), .kill(.dataPlane(1)),
            ]
        )
        _ = state.ended(.dataPlane(0), .killed(signal: 9), at: end)
        #expect(state.ended(.dataPlane(1), .killed(signal: 9), at: end) == [.terminate(.controlPlane)])
        #expect(state.ended(.controlPlane, .exited(0), at: end) == [.exit(143)])
    }

    @Test("A third signal kills everything at once")
    func thirdSignal() {
        var state = running()
        _ = state.stopRequested(bySignal: 2, at: start)
        _ = state.stopRequested(bySignal: 15, at: start)
        let actions = state.stopRequested(bySignal: 15, at: start)
        #expect(actions == [.kill(.dataPlane(0)), .kill(.dataPlane(1)), .kill(.controlPlane)])
        for name in [ChildName.dataPlane(0), .dataPlane(1)] {
            #expect(state.ended(name, .killed(signal: 9), at: start) == [])
        }
        #expect(state.ended(.controlPlane, .killed(signal: 9), at: start) == [.exit(143)])
    }

    @Test("A stop before the control plane is ready stops it and succeeds")
    func stopWhileStarting() {
        var (state, _) = SupervisorState.start(configuration, at: start)
        let actions = state.stopRequested(bySignal: 15, at: start)
        #expect(actions == [.report(.stopping(signal: 15)), .closeListener, .terminate(.controlPlane)])
        #expect(state.controlPlaneReady("ready", at: start) == [])
        #expect(state.ended(.controlPlane, .exited(0), at: start) == [.exit(0)])
    }
}
