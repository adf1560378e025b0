import ControlPlaneCore
import Logging
import SignalboxProtocol
import Synchronization
import Telemetry

/// Watches every registered worker: probes it, asks what it serves, and tells the data planes what changed.
///
/// Each worker has a task of its own, so that one that hangs never delays another.
final class WorkerMonitor: Sendable {
    /// Time between attempts to learn what a worker serves, until one succeeds.
    static let discoveryInterval = Duration.seconds(60)
    /// How many workers without health check are asked at a time.
    static let discoveriesMax = 8

    private let store: Store
    private let probe: WorkerProbe
    private let health: FleetHealth
    private let changes: FleetChanges
    private let settings: ProbeSettings
    private let isHealthCheckDisabled: Bool
    private let logger: Logger
    private let discoveries = ConcurrencyLimit(WorkerMonitor.discoveriesMax)
    /// The watching tasks; each is cancelled by ``stop(_:)`` or ``stopAll()`` and awaited by nobody.
    private let tasks = Mutex<[IncarnationID: Task<Void, Never>]>([:])

    init(
        store: Store,
        probe: WorkerProbe,
        health: FleetHealth,
        changes: FleetChanges,
        settings: ProbeSettings,
        isHealthCheckDisabled: Bool,
        logger: Logger
    ) {
        self.store = store
        self.probe = probe
        self.health = health
        self.changes = changes
        self.settings = settings
        self.isHealthCheckDisabled = isHealthCheckDisabled
        self.logger = logger
    }

    /// Whether a worker with these settings must answer probes before it takes requests.
    func isProbed(_ health: WorkerHealthSettings) -> Bool {
        health.isEnabled && !isHealthCheckDisabled
    }

    /// Begins to watch.
    func start(_ worker: Worker, _ start: ProbeState.Start) {
        let settings = settings.adjusted(for: worker.properties.health)
        let start = isProbed(worker.properties.health) ? start : .unprobed
        let state = ProbeState(start, settings: settings, at: Timestamp.nowMilliseconds())
        watch(worker, state, settings, probesAtOnce: start != .probed)
    }

    /// Watches by the worker's present settings, and goes on from what was last observed of it.
    func resume(_ worker: Worker) {
        guard isProbed(worker.properties.health), var state = health.probeState(worker.incarnation),
            !state.isUnprobed
        else {
            start(worker, worker.firstReadyAt == nil ? .new : .wasUnwatched)
            return
        }
        let settings = settings.adjusted(for: worker.properties.health)
        state.adjust(to: settings)
        watch(worker, state, settings, probesAtOnce: true)
    }

    private func watch(_ worker: Worker, _ state: ProbeState, _ settings: ProbeSettings, probesAtOnce: Bool) {
        let isProbed = isProbed(worker.properties.health)
        health.begin(worker.incarnation, state)
        let task = Task {
            if isProbed {
                await self.probe(worker, state, settings, probesAtOnce: probesAtOnce)
            } else {
                await self.discoverModels(of: worker)
            }
        }
        tasks.withLock { $0.updateValue(task, forKey: worker.incarnation) }?.cancel()
        changes.healthChanged()
    }

    /// What an earlier process held stays held from the first word to data planes on, before anything is watched.
    func restore(_ worker: Worker, heldBy hold: HealthHold) {
        let settings = settings.adjusted(for: worker.properties.health)
        let state = ProbeState(.wasReady, settings: settings, at: Timestamp.nowMilliseconds())
        health.begin(worker.incarnation, state, heldBy: hold)
    }

    /// The worker drains: it is watched no more, and what is known of it is kept.
    func rest(_ incarnation: IncarnationID) {
        tasks.withLock { $0.removeValue(forKey: incarnation) }?.cancel()
        health.rest(incarnation)
        changes.healthChanged()
    }

    func stop(_ incarnation: IncarnationID) {
        tasks.withLock { $0.removeValue(forKey: incarnation) }?.cancel()
        health.end(incarnation)
        changes.healthChanged()
    }

    /// Keeps new requests from a worker until it is released or stopped.
    func hold(_ incarnation: IncarnationID, _ hold: HealthHold) {
        health.hold(incarnation, hold)
        changes.healthChanged()
    }

    func release(_ incarnation: IncarnationID) {
        health.release(incarnation)
        changes.healthChanged()
    }

    func stopAll() {
        let all = tasks.withLock { tasks in
            defer { tasks = [:] }
            return tasks
        }
        for task in all.values { task.cancel() }
    }

    private func probe(
        _ worker: Worker,
        _ start: ProbeState,
        _ settings: ProbeSettings,
        probesAtOnce: Bool
    ) async {
        var watched = WatchedWorker(worker: worker, state: start)
        if !probesAtOnce { await pause(&watched) }
        while !Task.isCancelled {
            let outcome = await probe.health(of: worker.url, path: settings.path, timeout: settings.timeout)
            guard !Task.isCancelled else { return }
            health.probed(worker.incarnation, outcome)
            let event = watched.state.probed(outcome, at: Timestamp.nowMilliseconds())
            await take(event, &watched)
            await pause(&watched)
        }
    }

    /// Waits for the time of the next probe.
    private func pause(_ watched: inout WatchedWorker) async {
        guard !Task.isCancelled else { return }
        let wait = watched.state.schedule(at: Timestamp.nowMilliseconds(), spread: .random(in: -1...1))
        health.update(watched.worker.incarnation, watched.state)
        try? await Task.sleep(for: wait)
    }

    private func take(_ event: ProbeState.Event, _ watched: inout WatchedWorker) async {
        let metadata: Logger.Metadata = [
            "worker.url": "\(watched.worker.url)", "reason": "\(watched.state.reason)",
        ]
        switch event {
        case .unchanged:
            if watched.state.health == .ready, watched.isDiscoveryDue {
                await learnModels(&watched)
            }
            return
        case .reasonChanged:
            logger.debug("A worker is still not ready.", metadata: metadata)
        case .becameReady:
            await recordReadiness(&watched)
            if watched.state.health == .ready { logger.notice("A worker is ready.", metadata: metadata) }
        case .becameUnhealthy:
            logger.notice("A worker is unhealthy.", metadata: metadata)
        }
        guard !Task.isCancelled else { return }
        health.update(watched.worker.incarnation, watched.state)
        changes.healthChanged()
    }

    /// Stores the first readiness together with the models, so that no data plane sees the one without the other.
    private func recordReadiness(_ watched: inout WatchedWorker) async {
        guard watched.worker.firstReadyAt == nil else {
            await learnModels(&watched)
            return
        }
        let models = await probe.models(of: watched.worker.url)
        watched.noteDiscovery(models, at: .now)
        do {
            let now = Timestamp.nowMilliseconds()
            let committed = try await store.recordReady(watched.worker.incarnation, at: now, models: models)
            guard let committed else { return }
            watched.worker = committed.value
            if committed.isChange { changes.versionCommitted() }
        } catch {
            logger.error("A worker's readiness cannot be stored.", metadata: ["error": "\(error)"])
            watched.state.readinessLost(
                reason: "The worker is ready, but that cannot be stored.",
                at: Timestamp.nowMilliseconds()
            )
        }
    }

    private func learnModels(_ watched: inout WatchedWorker) async {
        let models = await probe.models(of: watched.worker.url)
        watched.noteDiscovery(models, at: .now)
        if let models, let worker = await store(models, of: watched.worker) { watched.worker = worker }
    }

    /// Asks a worker without health check what it serves, until it has answered once.
    private func discoverModels(of worker: Worker) async {
        while !Task.isCancelled {
            let models = await discoveries.run { Task.isCancelled ? nil : await probe.models(of: worker.url) }
            if let models, await store(models, of: worker) != nil { return }
            try? await Task.sleep(for: WorkerMonitor.discoveryInterval)
        }
    }

    private func store(_ models: DiscoveredModels, of worker: Worker) async -> Worker? {
        do {
            guard !Task.isCancelled, let committed = try await store.recordModels(worker.incarnation, models) else {
                return nil
            }
            if committed.isChange { changes.versionCommitted() }
            return committed.value
        } catch {
            logger.error("A worker's models cannot be stored.", metadata: ["error": "\(error)"])
            return nil
        }
    }
}

/// What the watching task of one worker remembers between probes.
private struct WatchedWorker {
    var worker: Worker
    var state: ProbeState
    private var nextDiscovery: ContinuousClock.Instant?

    init(worker: Worker, state: ProbeState) {
        self.worker = worker
        self.state = state
        nextDiscovery = worker.models.isEmpty ? .now : nil
    }

    var isDiscoveryDue: Bool { nextDiscovery.map { $0 <= .now } ?? false }

    mutating func noteDiscovery(_ models: DiscoveredModels?, at now: ContinuousClock.Instant) {
        nextDiscovery = models == nil ? now + WorkerMonitor.discoveryInterval : nil
    }
}
