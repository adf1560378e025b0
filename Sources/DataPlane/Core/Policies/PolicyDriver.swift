package import SignalboxProtocol

/// Drives a policy as the engine does, with requests that are only sizes and hashes: for the routing simulator.
package struct PolicyDriver {
    /// A request that was placed.
    package struct Placement: Sendable {
        package let worker: Int
        fileprivate let work: Int
        fileprivate let at: MonotonicTime
        fileprivate let isAlone: Bool
    }

    private let shared: SharedState
    private let table: RoutingTable
    private var facts = RoutingFacts()
    private var random: SplitMix64
    private var exchange: PeerExchange

    /// Workers that are always ready, without limits.
    package init(
        _ configuration: PolicyConfiguration,
        peer: PeerID,
        workers: [SnapshotWorker],
        epoch: Epoch,
        prefixIndexBytes: Int,
        seed: UInt64
    ) throws {
        shared = SharedState(slotsMax: workers.count, prefixIndexBytes: prefixIndexBytes)
        var compiler = RoutingTableCompiler(shared)
        // Nobody connects: any address makes a worker ready.
        var addresses: [String: [IPAddress]] = [:]
        for worker in workers {
            let host = try WorkerURL(worker.url).host
            addresses[host] = [IPAddress(bytes: SIMD16(repeating: 0), isIPv6: false)]
        }
        table = try compiler.compile(
            Snapshot(
                version: SnapshotVersion(epoch: epoch, sequence: 1),
                workers: workers,
                policy: configuration
            ),
            digest: SnapshotDigest(of: []),
            observed: [],
            addresses: addresses
        )
        random = SplitMix64(seed: seed)
        exchange = PeerExchange(id: peer, name: "", shared: shared)
        shared.setPlaces(of: table)
    }

    /// Other data planes that are heard, and those that exist and are not.
    package func setPeers(heard: Int, silent: Int) {
        shared.loads.setPeers(heard: heard, silent: silent)
    }

    /// Picks a worker and counts the request there.
    ///
    /// - Parameters:
    ///   - blocks: the chained hashes of blocks of ``BlockHasher/blockBytes``.
    ///   - text: what stands for the text where a policy needs one.
    ///   - tokens: of the prompt.
    package mutating func place(blocks: [UInt64], text: [UInt8], tokens: Int, at milliseconds: Int) -> Placement? {
        let now = MonotonicTime(milliseconds: milliseconds)
        facts.clear()
        facts.blocks += blocks
        facts.text += text
        facts.textBytes = tokens * 4
        let filter = WorkerFilter(loads: shared.loads, now: now, tried: [])
        let ready = Array(table.workers.indices)
        let policy = table.pools[0].policy
        guard let index = policy.pick(from: ready, of: table.workers, filter, &facts, using: &random) else {
            return nil
        }
        let work = policy.placed(table.workers[index], facts, shared.outbox, at: now)
        let slot = table.workers[index].lease.slot
        let isAlone = shared.loads.pendingTokens(slot: slot) == 0
        shared.loads.increment(slot: slot)
        shared.loads.addPending(work, slot: slot, at: now)
        return Placement(worker: index, work: work, at: now, isAlone: isAlone)
    }

    /// The first token has come.
    package func firstToken(_ placement: Placement, at milliseconds: Int) {
        let slot = table.workers[placement.worker].lease.slot
        shared.loads.addPending(-placement.work, slot: slot, at: MonotonicTime(milliseconds: milliseconds))
        guard placement.isAlone, placement.work > 0 else { return }
        shared.loads.learnRate(
            tokens: placement.work,
            milliseconds: milliseconds - placement.at.milliseconds,
            slot: slot
        )
    }

    /// What the other data planes are told now.
    package mutating func tell(_ others: [PeerID], at milliseconds: Int) -> [[UInt8]] {
        exchange.timePassed(at: MonotonicTime(milliseconds: milliseconds), known: others).map(\.bytes)
    }

    /// What another data plane told.
    package mutating func hear(_ bytes: [UInt8], at milliseconds: Int) {
        _ = exchange.received(bytes, at: MonotonicTime(milliseconds: milliseconds))
    }

    /// The answer is complete.
    package func ended(_ placement: Placement) {
        shared.loads.decrement(slot: table.workers[placement.worker].lease.slot)
    }
}
