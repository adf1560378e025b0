import ControlPlaneCore
import Logging
import SignalboxProtocol

/// Does what discovery has decided, and tells it what could not be done.
struct DiscoveryExecutor {
    let workers: WorkersService
    let status: DiscoveryStatus
    let logger: Logger

    /// Everything urgent, and one piece of the additions.
    func carryOut(_ work: inout DiscoveryWork) async {
        // Requests are kept away from all of them before the database is asked for the first.
        let urgent = work.unstored + work.takeUrgent()
        work.unstored = []
        for action in urgent {
            switch action {
            case .hold(let pod, let reason), .remove(let pod, let reason): _ = hold(pod, reason)
            case .add, .weigh, .release: break
            }
        }
        var removed = 0
        for action in urgent {
            switch action {
            case .add: break
            case .hold(let pod, let reason):
                if let (incarnation, hold) = hold(pod, reason) { work.unstoredHolds[incarnation] = .some(hold) }
                logger.notice("A pod is not ready.", metadata: ["pod": "\(pod)", "reason": "\(reason)"])
            case .release(let pod):
                if let registration = status.registration(of: pod.uid) {
                    workers.release(registration.incarnation)
                    work.unstoredHolds[registration.incarnation] = .some(nil)
                }
                logger.notice("A pod is ready again.", metadata: ["pod": "\(pod)"])
            case .weigh(let pod, let weight): await weigh(pod, weight, &work)
            case .remove(let pod, let reason): if await remove(pod, reason, &work) { removed += 1 }
            }
        }
        await storeHolds(&work)
        status.updated(added: await add(work.takePiece()), removed: removed)
    }

    private func hold(_ pod: PodReference, _ reason: String) -> (IncarnationID, HealthHold)? {
        guard let registration = status.registration(of: pod.uid) else { return nil }
        let hold = HealthHold(since: .now, reason: "Its pod \(pod): \(reason)")
        workers.hold(registration.incarnation, hold)
        return (registration.incarnation, hold)
    }

    /// In one transaction, however many pods lost their readiness at one time.
    private func storeHolds(_ work: inout DiscoveryWork) async {
        guard !work.unstoredHolds.isEmpty else { return }
        do {
            try await workers.record(holds: work.unstoredHolds)
            work.unstoredHolds = [:]
        } catch {
            logger.error(
                "Which pods are not ready cannot be stored for the next start; it is tried again.",
                metadata: ["reason": "\(error)"]
            )
        }
    }

    /// - Returns: how many were added.
    private func add(_ piece: [(pod: PodReference, worker: PodWorker)]) async -> Int {
        guard !piece.isEmpty else { return 0 }
        var count = 0
        do {
            let results = try await workers.addAll(
                piece.map { WorkerRegistration($0.worker, of: $0.pod) },
                origin: .kubernetes
            )
            for ((pod, _), result) in zip(piece, results) {
                switch result {
                case .success(let added):
                    status.registered(pod.uid, added.value)
                    count += 1
                case .failure(.workerExists):
                    refuse(pod, "Its URL is that of a worker that was registered otherwise already.")
                case .failure(let error): refuse(pod, "It cannot be added: \(error)")
                }
            }
        } catch {
            for (pod, _) in piece { refuse(pod, "It cannot be stored: \(error)") }
        }
        return count
    }

    private func refuse(_ pod: PodReference, _ reason: String) {
        guard status.refused(pod.uid, reason: reason, at: .now) else { return }
        logger.error("A pod cannot be added; it is tried again.", metadata: ["pod": "\(pod)", "reason": "\(reason)"])
    }

    private func weigh(_ pod: PodReference, _ weight: Int, _ work: inout DiscoveryWork) async {
        guard let registration = status.registration(of: pod.uid) else { return }
        var change = WorkerChange()
        change.weight = weight
        do {
            _ = try await workers.update(.id(registration.id), change, origin: .kubernetes)
        } catch StoreError.workerNotFound {
            // A person was faster.
        } catch {
            logger.error(
                "The weight of a pod cannot be stored; it is tried again.",
                metadata: ["pod": "\(pod)", "reason": "\(error)"]
            )
            work.unstored.append(.weigh(pod, weight))
        }
    }

    /// - Returns: whether it was removed.
    private func remove(_ pod: PodReference, _ reason: String, _ work: inout DiscoveryWork) async -> Bool {
        guard let registration = status.registration(of: pod.uid) else { return false }
        do {
            _ = try await workers.remove(
                .id(registration.id),
                reason: "pod \(pod): \(reason)",
                origin: .kubernetes
            )
            status.ended(pod.uid)
            return true
        } catch StoreError.workerNotFound {
            // A person was faster.
            status.ended(pod.uid)
        } catch {
            logger.error(
                "The worker of a pod cannot be removed; it gets no requests, and it is tried again.",
                metadata: ["pod": "\(pod)", "reason": "\(error)"]
            )
            work.unstored.append(.remove(pod, reason: reason))
        }
        return false
    }
}
