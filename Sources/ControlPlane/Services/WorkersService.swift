import ControlPlaneCore
import Logging
import SignalboxProtocol
import Telemetry

/// The use cases around workers: what the admin API and the command line do with them.
final class WorkersService: Sendable {
    private let store: Store
    private let monitor: WorkerMonitor
    private let probe: WorkerProbe
    private let drains: WorkerDrains
    private let changes: FleetChanges
    private let settings: ProbeSettings
    private let startupTimeoutSeconds: Int
    private let logger: Logger
    private let waiting = WaitingAdditions()
    /// Called when a person has removed the worker of a pod.
    private let podDismissed: @Sendable (PodReference) -> Void

    init(
        store: Store,
        monitor: WorkerMonitor,
        probe: WorkerProbe,
        drains: WorkerDrains,
        changes: FleetChanges,
        settings: ProbeSettings,
        startupTimeoutSeconds: Int,
        logger: Logger,
        podDismissed: @escaping @Sendable (PodReference) -> Void
    ) {
        self.store = store
        self.monitor = monitor
        self.probe = probe
        self.drains = drains
        self.changes = changes
        self.settings = settings
        self.startupTimeoutSeconds = startupTimeoutSeconds
        self.logger = logger
        self.podDismissed = podDismissed
    }

    /// Registers a worker at once; it takes requests when it has answered its first probe.
    func add(_ registration: WorkerRegistration, origin: AuditOrigin) async throws -> Committed<Worker> {
        guard !waiting.contains(registration.url) else { throw WorkerAdditionError.exists(registration.urlGiven, nil) }
        return try await insert(registration, models: nil, origin: origin)
    }

    /// Registers many workers in one transaction; one that cannot be registered harms no other.
    func addAll(
        _ registrations: [WorkerRegistration],
        origin: AuditOrigin
    ) async throws -> [Result<Committed<Worker>, StoreError>] {
        let isReady = !monitor.isProbed(WorkerHealthSettings())
        let results = try await store.addWorkers(
            registrations,
            firstReadyAt: isReady ? Timestamp.nowMilliseconds() : nil,
            origin: origin
        )
        changes.versionCommitted()
        for case .success(let added) in results {
            monitor.start(added.value, .new)
            logger.notice("A worker was added.", metadata: ["worker.url": "\(added.value.url)"])
        }
        return results
    }

    /// Waits until the worker is healthy and registers it then; nothing is stored when it does not become healthy.
    ///
    /// - Throws: ``WorkerAdditionError``.
    func addWhenHealthy(_ registration: WorkerRegistration, origin: AuditOrigin) async throws -> Committed<Worker> {
        guard monitor.isProbed(registration.properties.health) else {
            return try await add(registration, origin: origin)
        }
        let url = registration.url
        let path = settings.adjusted(for: registration.properties.health).path
        if let existing = try await store.worker(.url(url)), existing.value.intent == .active {
            throw WorkerAdditionError.exists(registration.urlGiven, existing.value.id)
        }
        guard let wait = waiting.begin(url, wait: { await self.waitUntilHealthy(url, path) }) else {
            throw WorkerAdditionError.exists(registration.urlGiven, nil)
        }
        defer { waiting.end(url) }
        switch await wait.value {
        case .healthy(let models):
            return try await insert(registration, isHealthy: true, models: models, origin: origin)
        case .timedOut:
            throw WorkerAdditionError.timedOut(registration.urlGiven, seconds: startupTimeoutSeconds)
        case .cancelled:
            throw WorkerAdditionError.cancelled(registration.urlGiven)
        }
    }

    private func insert(
        _ registration: WorkerRegistration,
        isHealthy: Bool = false,
        models: DiscoveredModels?,
        origin: AuditOrigin
    ) async throws -> Committed<Worker> {
        let isReady = isHealthy || !monitor.isProbed(registration.properties.health)
        let added: Committed<Worker>
        do {
            added = try await store.addWorker(
                registration,
                firstReadyAt: isReady ? Timestamp.nowMilliseconds() : nil,
                models: models,
                origin: origin
            )
        } catch StoreError.workerExists(let id) {
            throw WorkerAdditionError.exists(registration.urlGiven, id)
        }
        changes.versionCommitted()
        monitor.start(added.value, isHealthy ? .probed : .new)
        logger.notice("A worker was added.", metadata: ["worker.url": "\(added.value.url)"])
        return added
    }

    private func waitUntilHealthy(_ url: WorkerURL, _ path: String) async -> AdditionWaitOutcome {
        let deadline = ContinuousClock.now + .seconds(startupTimeoutSeconds)
        var failures = 0
        while !Task.isCancelled {
            let remaining = deadline - .now
            guard remaining > .zero else { return .timedOut }
            switch await probe.health(of: url, path: path, timeout: min(settings.timeout, remaining)) {
            case .success:
                let models = await probe.models(of: url)
                return Task.isCancelled ? .cancelled : .healthy(models)
            case .failure, .silence:
                failures += 1
            }
            try? await Task.sleep(
                for: min(settings.pendingInterval(afterFailures: failures), max(deadline - .now, .zero))
            )
        }
        return .cancelled
    }

    /// Removes a worker, and ends the wait of a request that wants the same worker added.
    ///
    /// It gets no new request from now on; the registration ends when it has none left, or at once while there is no data
    /// plane. The worker that is returned tells which: it drains, or it is gone.
    /// - Throws: ``StoreError/workerNotFound(_:)``.
    func remove(
        _ reference: WorkerReference,
        _ time: DrainTime = .standard,
        reason: String? = nil,
        origin: AuditOrigin
    ) async throws -> Committed<Worker> {
        if case .url(let url) = reference { waiting.cancel(url) }
        let removed = try await end(reference, time, reason: reason, origin: origin)
        if origin.actor != .kubernetes, removed.isChange, let pod = removed.value.pod { podDismissed(pod) }
        return removed
    }

    private func end(
        _ reference: WorkerReference,
        _ time: DrainTime,
        reason: String?,
        origin: AuditOrigin
    ) async throws -> Committed<Worker> {
        guard !drains.isWithoutDataPlanes else {
            let removed = try await store.removeWorker(reference, reason: reason, origin: origin)
            changes.versionCommitted()
            monitor.stop(removed.value.incarnation)
            logger.notice("A worker was removed.", metadata: ["worker.url": "\(removed.value.url)"])
            return removed
        }
        let draining = try await store.drainWorker(reference, time, reason: reason, origin: origin)
        guard draining.isChange else { return draining }
        changes.versionCommitted()
        monitor.rest(draining.value.incarnation)
        logger.notice("A worker drains.", metadata: ["worker.url": "\(draining.value.url)"])
        drains.began()
        // Somebody may have taken it back before its watch ended.
        if let now = try await store.worker(.id(draining.value.id)), now.value.intent == .active {
            monitor.resume(now.value)
        }
        return draining
    }

    /// Takes the removal of a worker back while it drains: it gets requests again, and what it has goes on.
    ///
    /// - Throws: ``StoreError``.
    func activate(_ reference: WorkerReference, origin: AuditOrigin) async throws -> Committed<Worker> {
        let active = try await store.activateWorker(reference, origin: origin)
        guard active.isChange else { return active }
        changes.versionCommitted()
        monitor.resume(active.value)
        logger.notice("The removal of a worker was taken back.", metadata: ["worker.url": "\(active.value.url)"])
        return active
    }

    /// Keeps new requests from a registered worker, whatever its probes say, until it is released.
    func hold(_ incarnation: IncarnationID, _ hold: HealthHold) {
        monitor.hold(incarnation, hold)
    }

    /// Its probes decide again.
    func release(_ incarnation: IncarnationID) {
        monitor.release(incarnation)
    }

    /// Stores holds for the next process; nil: released.
    func record(holds: [IncarnationID: HealthHold?]) async throws {
        try await store.recordHolds(holds)
    }

    /// Holds what an earlier process held; called once, before any data plane is told anything.
    func restoreHolds() async throws {
        for worker in try await store.workers() where worker.intent == .active {
            if let hold = worker.hold { monitor.restore(worker, heldBy: hold) }
        }
    }

    /// Changes what operators may change of a worker.
    ///
    /// - Throws: ``StoreError/workerNotFound(_:)``.
    func update(
        _ reference: WorkerReference,
        _ change: WorkerChange,
        origin: AuditOrigin
    ) async throws -> Committed<Worker> {
        let before = try await store.worker(reference)?.value
        let updated = try await store.updateWorker(reference, change, origin: origin)
        guard updated.isChange else { return updated }
        changes.versionCommitted()
        let isWatched = updated.value.intent == .active
        if isWatched, before?.properties.health != updated.value.properties.health {
            monitor.resume(updated.value)
        }
        return updated
    }

    /// Makes the `cli` workers those of the command line.
    func reconcile(_ listed: [WorkerRegistration]) async throws {
        let isReady = !monitor.isProbed(WorkerHealthSettings())
        let changed = try await store.reconcileCommandLineWorkers(
            listed,
            firstReadyAt: isReady ? Timestamp.nowMilliseconds() : nil
        )
        guard !changed.isEmpty else { return }
        logger.notice("The workers of the command line were registered.", metadata: ["changes": "\(changed.count)"])
        changes.versionCommitted()
    }

    /// Begins to watch every registered worker, and to carry removals on; called once, after the start.
    func watchAll() async throws {
        drains.start()
        for worker in try await store.workers() where worker.intent == .active {
            monitor.start(worker, worker.firstReadyAt == nil ? .new : .wasReady)
        }
    }

    /// Ends all waits and all watching.
    func stop() {
        waiting.close()
        drains.stop()
        monitor.stopAll()
    }
}

/// Why a worker was not added; nothing is stored. The texts are those of the original where it has one.
enum WorkerAdditionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Registered, or waited for by another request (then without an id).
    case exists(String, WorkerID?)
    case timedOut(String, seconds: Int)
    case cancelled(String)

    var description: String {
        switch self {
        case .exists(let url, _): "Worker \(url) already exists"
        case .timedOut(let url, let seconds):
            "Timeout \(seconds)s waiting for worker \(url) to become healthy. "
                + "Please set --router-worker-startup-timeout-secs (sglang_router.launch_server) "
                + "or --worker-startup-timeout-secs (sglang_worker.router) to a larger value"
        case .cancelled(let url):
            "Worker \(url) was not added: it was removed, or the control plane stopped, while it was waited for."
        }
    }
}
