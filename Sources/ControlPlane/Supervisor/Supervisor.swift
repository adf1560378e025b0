internal import CLinux
internal import Glibc

/// Runs one control plane and its data planes as child processes until it is told to stop.
///
/// It carries out what ``SupervisorState`` decides, on the calling thread alone: one `poll` over signals, the control
/// plane's ready pipe and the next deadline. It holds the only write end of the lifeline pipe; when it dies in whatever
/// way, every child sees the end of that pipe and stops by itself.
public struct Supervisor: ~Copyable {
    /// What to run, asked anew at every start.
    public struct Programs {
        /// `isRestart` is false for the very first start only.
        public var controlPlane: (_ isRestart: Bool) -> ChildProgram
        public var dataPlane: (_ index: Int) -> ChildProgram

        public init(
            controlPlane: @escaping (_ isRestart: Bool) -> ChildProgram,
            dataPlane: @escaping (_ index: Int) -> ChildProgram
        ) {
            self.controlPlane = controlPlane
            self.dataPlane = dataPlane
        }
    }

    /// Longest ready line in bytes.
    private static let readyLineBytesMax = 4096

    private let programs: Programs
    private let report: (SupervisorNotice) -> Void
    private var listener: SharedListener?
    private let lifeline: Pipe
    private let signals: SignalDescriptor
    private let terminal = ControllingTerminal()
    private var ready: Descriptor?
    /// A byte on it asks for new data planes; the control plane has the other end.
    private let restartRequests: Pipe
    /// What data planes that have not said that they serve will say it on.
    private var awaited: [ChildName: ReadyPipe] = [:]
    private var readyBytes: [UInt8] = []
    private var processes: [ChildName: pid_t] = [:]
    private var hasStartedControlPlane = false
    private var state: SupervisorState
    private var exitStatus: Int32?
    private var pending: [SupervisorState.Action]

    /// Takes over the signals of the process. Call it before any other thread exists: threads inherit what is blocked.
    ///
    /// - Parameters:
    ///   - dataPlanes: how many, at least 1.
    ///   - readyTimeout: how long the first start of the control plane may take.
    ///   - gracePeriod: how long data planes may drain when everything stops.
    ///   - report: told what a person should know, on the thread of ``run()``.
    public init(
        programs: Programs,
        dataPlanes: Int,
        listener: consuming SharedListener,
        readyTimeout: Duration,
        gracePeriod: Duration,
        report: @escaping (SupervisorNotice) -> Void
    ) throws(LaunchError) {
        precondition(dataPlanes > 0, "dataPlanes must be positive, is \(dataPlanes)")
        let lifeline = try Pipe()
        let restartRequests = try Pipe()
        restartRequests.readEnd.stopBlocking()
        let signals = try SignalDescriptor()
        let configuration = SupervisorState.Configuration(
            dataPlanes: dataPlanes,
            readyTimeout: readyTimeout,
            dataPlaneGrace: gracePeriod
        )
        (state, pending) = SupervisorState.start(configuration, at: .now)
        self.programs = programs
        self.report = report
        self.listener = consume listener
        self.lifeline = lifeline
        self.restartRequests = restartRequests
        self.signals = signals
    }

    /// Runs until everything has ended; returns the exit status of the whole.
    public consuming func run() -> Int32 {
        raiseDescriptorLimit()
        perform(pending)
        while exitStatus == nil {
            waitForEvents()
            readSignals()
            readReadyLine()
            readRestartRequests()
            readDataPlanesReady()
            perform(state.timePassed(at: .now))
        }
        return exitStatus ?? 0
    }

    private mutating func waitForEvents() {
        var watched = [pollfd(fd: signals.number, events: Int16(POLLIN), revents: 0)]
        let others = [ready?.number, restartRequests.readEnd.number].compactMap(\.self) + awaited.values.map(\.number)
        watched += others.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        var milliseconds: Int32 = -1
        if let deadline = state.deadline {
            let rest = ContinuousClock.now.duration(to: deadline) / .milliseconds(1)
            milliseconds = Int32(min(max(rest.rounded(.up), 0), 60_000))
        }
        poll(&watched, nfds_t(watched.count), milliseconds)
    }

    private mutating func readSignals() {
        while let signal = signals.next() {
            switch signal {
            case SIGCHLD: reapChildren()
            case SIGHUP where !terminal.hasClosed: perform(state.replacementRequested(at: .now))
            default: perform(state.stopRequested(bySignal: signal, at: .now))
            }
        }
    }

    private mutating func reapChildren() {
        for (name, process) in processes {
            var status: Int32 = 0
            guard waitpid(process, &status, WNOHANG) == process else { continue }
            processes[name] = nil
            awaited[name] = nil
            // The ready line may have come just before the end.
            if name == .controlPlane { readReadyLine() }
            perform(state.ended(name, ChildExit(waitStatus: status), at: .now))
        }
    }

    private mutating func readReadyLine() {
        guard let number = ready?.number else { return }
        var buffer = [UInt8](repeating: 0, count: Supervisor.readyLineBytesMax)
        let count = read(number, &buffer, buffer.count)
        if count < 0 && (errno == EAGAIN || errno == EINTR) { return }
        readyBytes += buffer.prefix(max(count, 0))
        let line = readyBytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        if line.count > 1, let first = line.first {
            ready = nil
            perform(state.controlPlaneReady(String(decoding: first, as: UTF8.self), at: .now))
        } else if count <= 0 || readyBytes.count >= Supervisor.readyLineBytesMax {
            ready = nil
        }
    }

    private mutating func readRestartRequests() {
        var buffer = [UInt8](repeating: 0, count: 64)
        guard read(restartRequests.readEnd.number, &buffer, buffer.count) > 0 else { return }
        perform(state.replacementRequested(at: .now))
    }

    private mutating func readDataPlanesReady() {
        for (name, pipe) in awaited {
            guard let isReady = pipe.read() else { continue }
            awaited[name] = nil
            if isReady { perform(state.dataPlaneReady(name, at: .now)) }
        }
    }

    private mutating func perform(_ actions: [SupervisorState.Action]) {
        for action in actions {
            switch action {
            case .spawn(let name): spawn(name)
            case .terminate(let name): send(SIGTERM, to: name)
            // Another one: of two equal signals that wait for a busy process it sees one.
            case .cut(let name): send(SIGINT, to: name)
            case .kill(let name): send(SIGKILL, to: name)
            case .closeListener: listener = nil
            case .report(let notice): report(notice)
            case .exit(let status): exitStatus = status
            }
        }
    }

    private mutating func spawn(_ name: ChildName) {
        do throws(LaunchError) {
            switch name {
            case .controlPlane: processes[name] = try spawnControlPlane()
            case .dataPlane(let index): processes[name] = try spawnDataPlane(index)
            }
        } catch {
            report(.cannotStart(name, reason: error.message))
            perform(state.ended(name, .exited(error.exitStatus), at: .now))
        }
    }

    private mutating func spawnControlPlane() throws(LaunchError) -> pid_t {
        let program = programs.controlPlane(hasStartedControlPlane)
        hasStartedControlPlane = true
        let pipe = try Pipe()
        let process = try ChildProcess.spawn(
            program,
            descriptors: [
                InheritedDescriptor(number: lifeline.readEnd.number, flag: "--lifeline-fd"),
                InheritedDescriptor(number: pipe.writeEnd.number, flag: "--ready-fd"),
                InheritedDescriptor(number: restartRequests.writeEnd.number, flag: "--restart-fd"),
            ]
        )
        readyBytes = []
        ready = pipe.intoReadEnd()
        return process
    }

    private mutating func spawnDataPlane(_ index: Int) throws(LaunchError) -> pid_t {
        var descriptors = [InheritedDescriptor(number: lifeline.readEnd.number, flag: "--lifeline-fd")]
        if let number = listener?.number {
            descriptors.insert(InheritedDescriptor(number: number, flag: "--listen-fd"), at: 0)
        }
        let pipe = try Pipe()
        descriptors.append(InheritedDescriptor(number: pipe.writeEnd.number, flag: "--ready-fd"))
        let process = try ChildProcess.spawn(programs.dataPlane(index), descriptors: descriptors)
        awaited[.dataPlane(index)] = ReadyPipe(pipe.intoReadEnd())
        return process
    }

    private func send(_ signal: Int32, to name: ChildName) {
        if let process = processes[name] { kill(process, signal) }
    }

    /// Children inherit the limit; each data plane needs two descriptors per request that it serves.
    private func raiseDescriptorLimit() {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(resource, &limit)
    }
}
