import DataPlaneCore
import Logging
import SignalboxProtocol

/// Probing while the control plane is silent.
extension Subscription {
    /// Watches the workers by itself once the control plane has been silent for too long, until it observes them again.
    func probeWorkers() {
        let now = EpollReactor.clock()
        guard let table = update?.update.table else { return }
        if localHealth == nil {
            let silent = shared.origin.silentMilliseconds(at: now) ?? 0
            guard silent >= Subscription.silenceMilliseconds else { return }
            logger.warning("The control plane is silent: this data plane probes the workers itself.")
            localHealth = LocalHealth(panicPercent: known.panicPercent)
        }
        localHealth?.watch(
            table.workers.compactMap { worker in
                worker.observed.map { state in
                    let told = known[worker.incarnation]
                    let mayBecomeReady = told.map { $0.isHeld != true } ?? false
                    return LocalHealth.Subject(
                        worker.incarnation,
                        state,
                        mayBecomeReady: mayBecomeReady,
                        terms: told?.probe ?? .standard
                    )
                }
            },
            at: now
        )
        let due = Set(localHealth?.due(at: now) ?? [])
        guard !due.isEmpty else { return }
        var targets: [WorkerProber.Target] = []
        for worker in table.workers where due.contains(worker.incarnation) {
            let terms = known[worker.incarnation]?.probe ?? .standard
            if let address = worker.endpoint.addresses.first {
                targets.append(
                    WorkerProber.Target(
                        incarnation: worker.incarnation,
                        address: address,
                        port: worker.endpoint.port,
                        host: worker.endpoint.authority,
                        path: worker.endpoint.path + terms.path,
                        timeoutMilliseconds: terms.timeoutMilliseconds
                    )
                )
            } else {
                _ = localHealth?.probed(worker.incarnation, .failed, at: now)
            }
        }
        prober.probe(targets)
    }

    func takeProbes() {
        Mailbox.clear(outcomesDescriptor)
        let now = EpollReactor.clock()
        var isNews = false
        let wasSuspected = localHealth?.isSuspected ?? false
        for (incarnation, outcome) in prober.takeOutcomes() where localHealth != nil {
            if localHealth?.probed(incarnation, outcome, at: now) == true { isNews = true }
        }
        if !wasSuspected, localHealth?.isSuspected == true {
            logger.error("Most workers are silent at once: this data plane suspects itself, they are routed to.")
        }
        if isNews { recompile() }
    }

    /// What is observed of the workers: by the control plane, or by this data plane while that is silent.
    var observations: [WorkerObservation] {
        guard let localHealth else { return known.all }
        let silent = localHealth.silent
        return localHealth.states.map { incarnation, state in
            let told = known[incarnation]
            return WorkerObservation(
                incarnation: incarnation,
                state: state,
                since: "",
                reason: "Probed by the data plane; the control plane is silent.",
                isSilent: silent.contains(incarnation),
                isHeld: told?.isHeld ?? false,
                probe: told?.probe ?? .standard
            )
        }
    }
}
