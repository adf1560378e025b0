import ControlPlaneCore
import ServiceLifecycle
import SignalboxProtocol

/// Asks the workers for their load while a policy picks by it, and has the data planes told.
///
/// A worker that hangs delays nobody's next question by more than the limit for an answer, which is at most the interval.
struct LoadMonitor: Service {
    /// Longest time for one answer.
    private static let timeoutMax = Duration.seconds(2)
    /// Questions at one time.
    private static let questionsMax = 64

    private let store: Store
    private let probe: WorkerProbe
    private let loads: FleetLoads
    private let changes: FleetChanges
    private let limit = ConcurrencyLimit(LoadMonitor.questionsMax)

    init(store: Store, probe: WorkerProbe, loads: FleetLoads, changes: FleetChanges) {
        self.store = store
        self.probe = probe
        self.loads = loads
        self.changes = changes
    }

    /// Asks until the service group shuts down.
    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                let next = ContinuousClock.now + loads.interval
                await ask()
                try? await Task.sleep(until: next, clock: .continuous)
            }
        }
    }

    private func ask() async {
        // A database that cannot be read is somebody else's to report; what was told grows old meanwhile.
        guard let policies = try? await store.policies().value else { return }
        guard ToldLoad.isUsed(policies.standard, policies.models) else {
            if loads.forgetAll() { changes.healthChanged() }
            return
        }
        guard let workers = try? await store.workers() else { return }
        let asked = workers.filter { worker in
            worker.intent == .active
                && ToldLoad.isUsed(policies.standard, policies.models, served: worker.models.map(\.id))
        }
        let due = loads.due(of: Set(asked.map(\.incarnation)), at: .now)
        await withTaskGroup { group in
            for worker in asked where due.contains(worker.incarnation) {
                group.addTask { await ask(worker) }
            }
        }
        changes.healthChanged()
    }

    private func ask(_ worker: Worker) async {
        let timeout = min(loads.interval, LoadMonitor.timeoutMax)
        let reply = await limit.run { Task.isCancelled ? nil : await probe.load(of: worker.url, timeout: timeout) }
        if let reply { loads.replied(worker.incarnation, reply, at: .now) }
    }
}
