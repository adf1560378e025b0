import ControlPlaneCore
import Logging
import ServiceLifecycle
import SignalboxProtocol
import Synchronization

/// Keeps the workers of source `kubernetes` those that the pods are; it touches no other worker.
///
/// Nothing of it waits for a pod: a worker is registered at once and probed like any other. What keeps requests away comes
/// before what brings them: thousands of new pods are registered in pieces, and between these it looks for news.
struct DiscoveryService: Service {
    let settings: DiscoverySettings?
    let store: Store
    let workers: WorkersService
    let http: any OutboundHTTP
    let status: DiscoveryStatus
    let inbox: DiscoveryInbox
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
            let reason = "service discovery is switched off"
            do {
                _ = try await workers.remove(.id(worker.id), reason: reason, origin: .kubernetes)
            } catch {
                logger.error(
                    "The worker of a pod cannot be removed; the next start tries again.",
                    metadata: ["worker.url": "\(worker.url)", "reason": "\(error)"]
                )
            }
        }
    }

    private func discover(_ settings: DiscoverySettings) async {
        guard let restored = await restored() else { return }
        status.begin(
            namespace: settings.namespace,
            PodDiscovery(
                rules: settings.rules,
                flapMilliseconds: Int64(settings.flapSeconds) * 1000,
                restored: restored.map(\.known),
                at: .now
            ),
            registered: Dictionary(restored.map { ($0.known.reference.uid, $0.registration) }) { first, _ in first }
        )
        if settings.rules.selectors.isEmpty {
            logger.warning(
                "Service discovery has an empty selector, which matches no pod; name labels with --selector."
            )
        }
        await withTaskGroup { group in
            for watcher in watchers(settings) { group.addTask { await watcher.run() } }
            await carryOut()
            group.cancelAll()
        }
    }

    private func watchers(_ settings: DiscoverySettings) -> [PodWatcher] {
        let isWarned = Mutex(false)
        let warn: @Sendable (String) -> Void = { origin in
            guard
                !isWarned.withLock({ isWarned in
                    defer { isWarned = true }
                    return isWarned
                })
            else { return }
            logger.warning(
                "The API server is not verified (insecure-skip-tls-verify, or http): anyone on the way can change which workers there are, and read the token.",
                metadata: ["kubeconfig": "\(origin)"]
            )
        }
        let api = KubernetesAPI(
            http: http,
            place: settings.place,
            namespace: settings.namespace,
            silence: .seconds(settings.silenceSeconds),
            credentials: ExecCredentials(environment: settings.place.environment),
            warn: warn
        )
        return settings.rules.selectors.enumerated().map { index, selector in
            PodWatcher(
                index: index,
                selector: selector.labels,
                api: api,
                status: status,
                logger: logger,
                tell: { inbox.put($0) }
            )
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

    /// Carries out what the pods ask for, until the task is cancelled.
    private func carryOut() async {
        var work = DiscoveryWork()
        work.take(status.decide { $0.endedWithoutWatches(at: .now) })
        // The one clock of this loop: replaced by each look, cancelled at its end, awaited by nobody.
        var alarm: Task<Void, Never>?
        let executor = DiscoveryExecutor(workers: workers, status: status, logger: logger)
        _ = inbox.put(.timePassed)
        for await _ in inbox.wakes {
            repeat {
                for input in inbox.takeAll() {
                    work.take(status.decide { $0.take(input, at: .now) })
                    if case .dismissed(let uid) = input { status.ended(uid) }
                }
                await executor.carryOut(&work)
            } while work.hasMore && !Task.isCancelled
            alarm?.cancel()
            alarm = nextLook(work).map { time in
                Task {
                    try? await Task.sleep(for: .milliseconds(max(time - .now, 0)))
                    if !Task.isCancelled { _ = inbox.put(.timePassed) }
                }
            }
        }
        alarm?.cancel()
    }

    private func nextLook(_ work: DiscoveryWork) -> Int64? {
        let retry = work.hasUnstored ? Int64.now + 1_000 : nil
        return [retry, status.nextDeadline].compactMap(\.self).min()
    }
}

extension Int64 {
    /// Milliseconds since 1970, whatever the system's clock does meanwhile.
    static var now: Int64 { SteadyTime.nowMilliseconds() }
}

/// A registration of an earlier run.
private struct RestoredPod {
    var known: PodDiscovery.Known
    var registration: DiscoveryStatus.Registration

    init?(_ worker: Worker) {
        guard worker.source == .kubernetes, let pod = worker.pod else { return nil }
        registration = DiscoveryStatus.Registration(id: worker.id, incarnation: worker.incarnation)
        let registered = PodWorker(
            url: worker.url,
            role: worker.role,
            weight: worker.properties.weight,
            model: worker.modelGiven,
            bootstrapPort: worker.bootstrapPort
        )
        known = PodDiscovery.Known(pod, registered, hold: worker.hold)
    }
}
