import ControlPlaneCore
import Logging
import ServiceLifecycle
import SignalboxProtocol
import Synchronization
import Telemetry

/// Keeps the workers of source `kubernetes` those that the pods are; it touches no other worker.
///
/// Events are handled one after the other. None of it waits for a pod: a worker is registered at once and probed like
/// any other.
struct DiscoveryService: Service {
    let settings: DiscoverySettings?
    let store: Store
    let workers: WorkersService
    let http: any OutboundHTTP
    let status: DiscoveryStatus
    let logger: Logger
    /// Ends or yields once the workers of the database are watched.
    let begin: AsyncStream<Void>

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in begin { break }
            guard let settings else { return await removeLeftovers() }
            await discover(settings)
        }
        // Without discovery the service has nothing to do, but its end would end the whole group.
        try? await gracefulShutdown()
    }

    /// Without discovery nobody would ever remove what it once registered.
    private func removeLeftovers() async {
        guard let registered = try? await store.workers() else { return }
        for worker in registered where worker.source == .kubernetes && worker.intent == .active {
            await remove(worker.id, reason: "service discovery is switched off")
        }
    }

    private func discover(_ settings: DiscoverySettings) async {
        status.begin(namespace: settings.namespace, settings.rules)
        if settings.rules.selectors.isEmpty {
            logger.warning(
                "Service discovery has an empty selector, which matches no pod; name labels with --selector."
            )
        }
        guard let restored = await restored() else { return }
        var discovery = PodDiscovery(
            rules: settings.rules,
            flapMilliseconds: Int64(settings.flapSeconds) * 1000,
            restored: restored.map { ($0.pod, $0.worker) }
        )
        let isWarned = Atomic<Bool>(false)
        let warn: @Sendable (String) -> Void = { origin in
            guard !isWarned.exchange(true, ordering: .relaxed) else { return }
            logger.warning(
                "The API server is not verified: anyone on the way can change which workers there are (insecure-skip-tls-verify).",
                metadata: ["kubeconfig": "\(origin)"]
            )
        }
        var ids = Dictionary(restored.map { ($0.pod.uid, $0.id) }) { first, _ in first }
        let (inputs, continuation) = AsyncStream<DiscoveryInput>.makeStream()
        await withTaskGroup { group in
            for (index, selector) in settings.rules.selectors.enumerated() {
                let watcher = PodWatcher(
                    index: index,
                    selector: selector.labels,
                    api: KubernetesAPI(
                        http: http,
                        place: settings.place,
                        namespace: settings.namespace,
                        silence: .seconds(settings.silenceSeconds),
                        warn: warn
                    ),
                    status: status,
                    logger: logger,
                    tell: { continuation.yield($0) }
                )
                group.addTask { await watcher.run() }
            }
            await carryOut(discovery.endedWithoutWatches(at: .now), &discovery, &ids)
            var alarm: Task<Void, Never>?
            for await input in inputs {
                await carryOut(discovery.take(input, at: .now), &discovery, &ids)
                alarm?.cancel()
                alarm = discovery.nextDeadline.map { deadline in
                    Task {
                        try? await Task.sleep(for: .milliseconds(max(deadline - .now, 0)))
                        if !Task.isCancelled { continuation.yield(.timePassed) }
                    }
                }
            }
            alarm?.cancel()
            group.cancelAll()
        }
    }

    /// What an earlier run has registered; nil when the service ends before the database can be read.
    private func restored() async -> [RestoredPod]? {
        while !Task.isCancelled {
            do {
                return try await store.workers().filter { $0.intent == .active }.compactMap(RestoredPod.init)
            } catch {
                logger.error("The workers of pods cannot be read.", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: .seconds(1))
            }
        }
        return nil
    }

    private func carryOut(
        _ actions: [DiscoveryAction],
        _ discovery: inout PodDiscovery,
        _ ids: inout [String: WorkerID]
    ) async {
        for action in actions {
            switch action {
            case .add(let pod, let worker):
                do {
                    let added = try await workers.add(WorkerRegistration(worker, of: pod), origin: .kubernetes)
                    ids[pod.uid] = added.value.id
                } catch {
                    discovery.refused(pod.uid, reason: "It cannot be added: \(error)", at: .now)
                    logger.error("A pod cannot be added.", metadata: ["pod": "\(pod)", "reason": "\(error)"])
                }
            case .weigh(let pod, let weight):
                guard let id = ids[pod.uid] else { continue }
                await weigh(id, weight, pod)
            case .hold(let pod, let reason):
                guard let id = ids[pod.uid] else { continue }
                await workers.hold(id, reason: "Its pod is not ready: \(reason)")
                logger.notice("A pod is not ready.", metadata: ["pod": "\(pod)", "reason": "\(reason)"])
            case .release(let pod):
                guard let id = ids[pod.uid] else { continue }
                await workers.release(id)
                logger.notice("A pod is ready again.", metadata: ["pod": "\(pod)"])
            case .remove(let pod, let reason):
                guard let id = ids.removeValue(forKey: pod.uid) else { continue }
                await remove(id, reason: "pod \(pod): \(reason)")
            }
        }
        status.decided(discovery, workers: ids)
    }

    private func weigh(_ id: WorkerID, _ weight: Int, _ pod: PodReference) async {
        var change = WorkerChange()
        change.weight = weight
        do {
            _ = try await workers.update(.id(id), change, origin: .kubernetes)
        } catch {
            logger.error("The weight of a pod cannot be stored.", metadata: ["pod": "\(pod)", "reason": "\(error)"])
        }
    }

    /// Begins to drain a worker; tries until the database takes it, since nobody else would.
    private func remove(_ id: WorkerID, reason: String) async {
        while !Task.isCancelled {
            do {
                _ = try await workers.remove(.id(id), reason: reason, origin: .kubernetes)
                return
            } catch StoreError.workerNotFound {
                // A person was faster.
                return
            } catch {
                logger.error("The worker of a pod cannot be removed.", metadata: ["reason": "\(error)"])
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }
}

/// What the watches tell.
enum DiscoveryInput: Sendable {
    case listed([Pod], by: Int)
    case event(PodWatchEvent, by: Int)
    case timePassed
}

extension PodDiscovery {
    fileprivate mutating func take(_ input: DiscoveryInput, at now: Int64) -> [DiscoveryAction] {
        switch input {
        case .listed(let pods, let watch): listed(pods, by: watch, at: now)
        case .event(.applied(let pod, _), let watch): applied(pod, by: watch, at: now)
        case .event(.deleted(let pod, _), let watch): deleted(pod, by: watch, at: now)
        case .event, .timePassed: due(at: now)
        }
    }
}

extension Int64 {
    /// Milliseconds since 1970.
    fileprivate static var now: Int64 { Timestamp.nowMilliseconds() }
}

/// A registration of an earlier run.
private struct RestoredPod {
    var pod: PodReference
    var id: WorkerID
    var worker: PodWorker

    init?(_ worker: Worker) {
        guard worker.source == .kubernetes, let pod = worker.pod else { return nil }
        self.pod = pod
        id = worker.id
        self.worker = PodWorker(
            url: worker.url,
            role: worker.role,
            weight: worker.properties.weight,
            model: worker.modelGiven,
            bootstrapPort: worker.bootstrapPort
        )
    }
}
