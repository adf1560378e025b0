/// Decides what becomes of the children, as a value: events and times go in, actions come out.
///
/// The control plane starts first and alone. Once it is ready the data planes start; from then on each child that dies
/// is started again by itself, and the others carry on. Stopping goes the other way round.
struct SupervisorState: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// How long a process may take to vanish after SIGKILL before it is given up.
    static let killTimeout: Duration = .seconds(2)
    /// How long data planes may take to end what they serve when they are told to cut it.
    static let cutGrace: Duration = .seconds(2)
    /// How long the control plane may take to stop: it only closes sockets and a database.
    static let controlPlaneGrace: Duration = .seconds(5)

    /// How long a data plane that replaces another one may take to serve.
    static let successorTimeout: Duration = .seconds(30)

    struct Configuration: Hashable, Sendable {
        var dataPlanes: Int
        /// How long the first start of the control plane may take.
        var readyTimeout: Duration
        /// How long the data planes may drain.
        var dataPlaneGrace: Duration
    }

    enum Action: Hashable, Sendable {
        case spawn(ChildName)
        /// Ask the child to stop.
        case terminate(ChildName)
        /// Ask a child that was asked to stop to end what it still does.
        case cut(ChildName)
        case kill(ChildName)
        /// Let go of the listening socket, so that nobody queues for data planes that are going away.
        case closeListener
        case report(SupervisorNotice)
        /// Everything is over; end with this status.
        case exit(Int32)
    }

    private enum Phase: Hashable, Sendable {
        case starting(until: Instant)
        case running
        /// `isForced`: SIGKILL has been sent.
        case stoppingDataPlanes(until: Instant, isForced: Bool, status: Int32)
        /// A second signal: what is still served is cut, so that its clients see it.
        case cuttingDataPlanes(until: Instant, status: Int32)
        case stoppingControlPlane(until: Instant, isForced: Bool, status: Int32)
        case killingAll(until: Instant, status: Int32)
        case finished
    }

    enum Child: Hashable, Sendable {
        case running(since: Instant)
        case waiting(until: Instant)
    }

    let configuration: Configuration
    private var phase: Phase
    var children: [ChildName: Child] = [:]
    var backoffs: [ChildName: RestartBackoff] = [:]
    var replacement: Replacement?
    /// Another replacement was asked for while one was going on.
    var wantsReplacement = false
    /// Data planes that were replaced and end their requests, until when.
    var retiring: [ChildName: Instant] = [:]
    /// The number of the next successor.
    var nextNumber: Int

    private init(_ configuration: Configuration, phase: Phase) {
        self.configuration = configuration
        self.phase = phase
        nextNumber = configuration.dataPlanes
    }

    /// Begins with the control plane.
    static func start(_ configuration: Configuration, at now: Instant) -> (SupervisorState, [Action]) {
        var state = SupervisorState(configuration, phase: .starting(until: now + configuration.readyTimeout))
        let first = state.spawn(.controlPlane, at: now)
        return (state, [first])
    }

    /// When ``timePassed(at:)`` must be called at the latest.
    var deadline: Instant? {
        var deadlines = children.values.compactMap { child in
            if case .waiting(let until) = child { until } else { nil }
        }
        if let phaseDeadline { deadlines.append(phaseDeadline) }
        if let replacement { deadlines.append(replacement.deadline) }
        deadlines += retiring.values
        return deadlines.min()
    }

    /// The control plane wrote its ready line.
    mutating func controlPlaneReady(_ line: String, at now: Instant) -> [Action] {
        guard case .starting = phase else { return [] }
        phase = .running
        return (0..<configuration.dataPlanes).map { spawn(.dataPlane($0), at: now) } + [.report(.ready(line))]
    }

    /// A child ended, or could not be started at all.
    mutating func ended(_ name: ChildName, _ status: ChildExit, at now: Instant) -> [Action] {
        guard case .running(let since) = children.removeValue(forKey: name) else { return [] }
        if case .running = phase, retiring.removeValue(forKey: name) != nil { return [] }
        if case .running = phase, replacement?.successor == name { return abandonReplacement(at: now) }
        switch phase {
        case .starting:
            phase = .finished
            return [.exit(status.code == 0 ? 70 : status.code)]
        case .running:
            let delay = backoffs[name, default: RestartBackoff()].delay(afterLife: since.duration(to: now))
            children[name] = .waiting(until: now + delay)
            return [.report(.restarting(name, status, after: delay))]
        case .stoppingDataPlanes, .cuttingDataPlanes, .stoppingControlPlane, .killingAll:
            return continueStopping(at: now)
        case .finished:
            return []
        }
    }

    /// SIGTERM or the like came. The first one drains, a second one cuts what is still served, a third one kills.
    mutating func stopRequested(bySignal signal: Int32, at now: Instant) -> [Action] {
        switch phase {
        case .starting, .running:
            for case (let name, .waiting) in children { children[name] = nil }
            replacement = nil
            wantsReplacement = false
            let draining = Set(retiring.keys)
            retiring = [:]
            phase = .stoppingDataPlanes(until: now + configuration.dataPlaneGrace, isForced: false, status: 0)
            let actions = [Action.report(.stopping(signal: signal)), .closeListener]
            // One that was replaced drains already; a second signal would cut it.
            let serving = runningDataPlanes.filter { !draining.contains($0) }
            return actions + serving.map { .terminate($0) } + continueStopping(at: now)
        case .stoppingDataPlanes(_, false, _):
            phase = .cuttingDataPlanes(until: now + SupervisorState.cutGrace, status: 128 + signal)
            return runningDataPlanes.map { .cut($0) } + continueStopping(at: now)
        case .stoppingDataPlanes, .cuttingDataPlanes, .stoppingControlPlane:
            phase = .killingAll(until: now + SupervisorState.killTimeout, status: 128 + signal)
            return running.map { .kill($0) } + continueStopping(at: now)
        case .killingAll, .finished:
            return []
        }
    }

    /// Restarts what has waited long enough and enforces the limits of time.
    mutating func timePassed(at now: Instant) -> [Action] {
        var actions: [Action] = []
        for case (let name, .waiting(let until)) in children where until <= now {
            actions.append(spawn(name, at: now))
        }
        actions += replacementTimePassed(at: now)
        guard let until = phaseDeadline, until <= now else { return actions }
        switch phase {
        case .starting:
            phase = .killingAll(until: now + SupervisorState.killTimeout, status: 70)
            actions.append(.report(.notReady(within: configuration.readyTimeout)))
            actions += running.map { .kill($0) } + continueStopping(at: now)
        case .cuttingDataPlanes(_, let status):
            phase = .stoppingDataPlanes(until: now + SupervisorState.killTimeout, isForced: true, status: status)
            actions.append(.report(.graceOver(runningDataPlanes)))
            actions += runningDataPlanes.map { .kill($0) }
        case .stoppingDataPlanes(_, false, _):
            phase = .stoppingDataPlanes(until: now + SupervisorState.killTimeout, isForced: true, status: 1)
            actions.append(.report(.graceOver(runningDataPlanes)))
            actions += runningDataPlanes.map { .kill($0) }
        case .stoppingDataPlanes(_, true, let status):
            actions += stopControlPlane(status: status, at: now)
        case .stoppingControlPlane(_, false, _):
            phase = .stoppingControlPlane(until: now + SupervisorState.killTimeout, isForced: true, status: 1)
            actions.append(.report(.graceOver(running)))
            actions += running.map { .kill($0) }
        case .stoppingControlPlane(_, true, let status), .killingAll(_, let status):
            phase = .finished
            actions.append(.exit(status))
        case .running, .finished: break
        }
        return actions
    }

    var isRunning: Bool { phase == .running }

    private var phaseDeadline: Instant? {
        switch phase {
        case .starting(let until), .stoppingDataPlanes(let until, _, _), .cuttingDataPlanes(let until, _),
            .stoppingControlPlane(let until, _, _), .killingAll(let until, _):
            until
        case .running, .finished: nil
        }
    }

    private var running: [ChildName] {
        let order = (0..<nextNumber).map { ChildName.dataPlane($0) } + [.controlPlane]
        return order.filter { if case .running = children[$0] { true } else { false } }
    }

    /// The data planes that serve, or will again soon.
    var servingDataPlanes: [ChildName] {
        (0..<nextNumber).map { ChildName.dataPlane($0) }.filter {
            children[$0] != nil && retiring[$0] == nil && replacement?.successor != $0
        }
    }

    private var runningDataPlanes: [ChildName] { running.filter { $0 != .controlPlane } }

    mutating func spawn(_ name: ChildName, at now: Instant) -> Action {
        children[name] = .running(since: now)
        return .spawn(name)
    }

    /// Goes on to the next step of stopping when nobody is left whom the current one waits for.
    private mutating func continueStopping(at now: Instant) -> [Action] {
        switch phase {
        case .stoppingDataPlanes(_, _, let status) where runningDataPlanes.isEmpty,
            .cuttingDataPlanes(_, let status) where runningDataPlanes.isEmpty:
            return stopControlPlane(status: status, at: now)
        case .stoppingControlPlane(_, _, let status) where running.isEmpty,
            .killingAll(_, let status) where running.isEmpty:
            phase = .finished
            return [.exit(status)]
        default:
            return []
        }
    }

    private mutating func stopControlPlane(status: Int32, at now: Instant) -> [Action] {
        guard running.contains(.controlPlane) else {
            phase = .finished
            return [.exit(status)]
        }
        let until = now + SupervisorState.controlPlaneGrace
        phase = .stoppingControlPlane(until: until, isForced: false, status: status)
        return [.terminate(.controlPlane)]
    }
}
