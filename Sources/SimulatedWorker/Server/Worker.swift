import NIOCore
import Synchronization

/// What all connections of one simulated worker share.
final class Worker: Sendable {
    let configuration: WorkerConfiguration
    let driver: EngineDriver
    private let statistics = Mutex(Statistics())
    private let faults = Mutex(FaultPlan())
    private let openPort = Atomic(0)
    private let faultObserver = Mutex<(@Sendable () -> Void)?>(nil)
    private let lastAnswer = Atomic<UInt64>(0)
    private let start: NIODeadline
    /// Makes the ids of this run differ from those of other workers.
    private let runPrefix = String(UInt64.random(in: 0x1000_0000_0000...0xFFFF_FFFF_FFFF), radix: 16)

    init(configuration: WorkerConfiguration, eventLoop: any EventLoop) {
        self.configuration = configuration
        start = .now()
        driver = EngineDriver(configuration: configuration.engine, eventLoop: eventLoop, start: start)
    }

    /// Time since the start.
    var uptime: Duration { .nanoseconds((NIODeadline.now() - start).nanoseconds) }

    /// `host:port`, which every response names; known once the port is open.
    var identity: String {
        let host = configuration.host
        return "\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }

    /// The port that is open; 0 before.
    var port: Int {
        get { openPort.load(ordering: .relaxed) }
        set { openPort.store(newValue, ordering: .relaxed) }
    }

    /// An id for one answer, such as `chatcmpl-6f3a...01`.
    func nextAnswerID(prefix: StaticString) -> String {
        let number = lastAnswer.wrappingAdd(1, ordering: .relaxed).newValue
        return "\(prefix)\(runPrefix)\(String(number, radix: 16))"
    }

    /// Reads or changes the statistics.
    func record<Result>(_ change: (inout sending Statistics) -> sending Result) -> sending Result {
        statistics.withLock(change)
    }

    // MARK: - Faults

    /// Is told whenever the faults have changed, so that the listener can follow.
    func observeFaults(_ observer: @escaping @Sendable () -> Void) {
        faultObserver.withLock { $0 = observer }
    }

    /// Puts faults in force; when one cannot be, none is.
    func add(_ added: [Fault]) throws(FaultError) {
        let now = uptime
        let result = faults.withLock { plan in
            Result { () throws(FaultError) in
                var changed = plan
                for fault in added { _ = try changed.add(fault, at: now) }
                plan = changed
            }
        }
        try result.get()
        faultObserver.withLock { $0 }?()
    }

    /// Ends one fault, or all when `number` is nil; returns how many.
    func removeFaults(number: Int?) -> Int {
        let removed = faults.withLock { $0.remove(number: number) }
        faultObserver.withLock { $0 }?()
        return removed
    }

    /// The faults in force.
    var faultEntries: [FaultPlan.Entry] {
        let now = uptime
        return faults.withLock { plan in
            plan.expire(at: now)
            return plan.entries
        }
    }

    /// What is to be done about new connections, and when that may change by itself.
    var acceptRule: (rule: FaultPlan.AcceptRule, nextEnd: Duration?) {
        let now = uptime
        return faults.withLock { ($0.acceptRule(at: now), $0.nextEnd) }
    }

    /// What is to be done to one request.
    func decideFault(path: String, generates: Bool) -> FaultPlan.Decision {
        let now = uptime
        return faults.withLock { plan in
            var generator = SystemRandomNumberGenerator()
            return plan.decide(path: path, generates: generates, at: now, using: &generator)
        }
    }

    /// What a health probe is answered, and how late.
    var health: (status: Int, delay: Duration) {
        let now = uptime
        let (status, delay) = faults.withLock { $0.health(at: now) }
        return (status ?? (now < configuration.startUnhealthy ? 503 : 200), delay)
    }
}
