import DataPlaneCore
import SignalboxProtocol
import Synchronization
import Telemetry

/// What the data plane tells the control plane of itself.
extension Subscription {
    /// What the control plane is told every half second.
    func heartbeat(_ applied: SnapshotVersion?) -> DataPlaneHeartbeat {
        let table = update?.update.table
        if let table { shared.advance(&census, table) }
        var inFlight = 0
        var waiting = 0
        var connections = 0
        var requests: UInt64 = 0
        var held = HeldResources()
        for counter in counters {
            inFlight += counter.inFlight.load(ordering: .relaxed)
            waiting += counter.waiting.load(ordering: .relaxed)
            connections += counter.connections.load(ordering: .relaxed)
            requests += UInt64(counter.requests.load(ordering: .relaxed))
            held.inputBytes += counter.inputBytes.load(ordering: .relaxed)
            held.bodyBytes += counter.bodyBytes.load(ordering: .relaxed)
            held.unsentBytes += counter.unsentBytes.load(ordering: .relaxed)
            held.spooledBytes += counter.spooledBytes.load(ordering: .relaxed)
            held.upstreamConnections += counter.upstreams.load(ordering: .relaxed)
            held.idleUpstreamConnections += counter.idleUpstreams.load(ordering: .relaxed)
        }
        held.prefixIndexBytes = shared.prefixIndexBytes
        return DataPlaneHeartbeat(
            applied: applied,
            inFlight: inFlight,
            connections: connections,
            requests: requests,
            draining: drainFlag.isDraining,
            held: held,
            workers: traffic(),
            peers: peers?.peers.map { peer in
                PeerReport(
                    id: peer.id,
                    address: peer.address,
                    ageMilliseconds: peer.ageMilliseconds,
                    received: peer.received,
                    lost: peer.lost
                )
            },
            refusedDatagrams: peers?.refusedCount,
            untoldPlacements: shared.untoldPlacements,
            policies: table?.policyReports(
                shared,
                silentPeers: peers?.silentCount ?? 0,
                at: EpollReactor.clock()
            ),
            waiting: waiting,
            process: ProcessUsage.current(),
            budgets: table.map { table in
                ResourceBudgets(
                    bufferBytes: table.settings.bufferBytesMax,
                    spoolBytes: table.settings.spoolBytesMax,
                    prefixIndexBytes: shared.prefixIndexBytesMax
                )
            }
        )
    }

    /// What the workers of the table that the threads have, or are about to have, do for this data plane.
    private func traffic() -> [WorkerTraffic] {
        guard let table = update?.update.table else { return [] }
        let reports = shared.breakers.reports(at: EpollReactor.clock())
        let treeSizes = table.treeSizes()
        return table.workers.compactMap { worker in
            let inFlight = shared.loads.inFlight(slot: worker.lease.slot)
            let report = reports[worker.lease.slot]
            let prefixBytes = census.bytes(worker.lease) + treeSizes[worker.lease.token, default: 0]
            let learnedLimit = shared.learnedLimit(of: worker)
            guard inFlight > 0 || report != nil || prefixBytes > 0 || learnedLimit > 0 else { return nil }
            return WorkerTraffic(
                incarnation: worker.incarnation,
                inFlight: inFlight,
                breaker: report,
                prefixBytes: prefixBytes > 0 ? prefixBytes : nil,
                learnedLimit: learnedLimit > 0 ? learnedLimit : nil
            )
        }
    }
}
