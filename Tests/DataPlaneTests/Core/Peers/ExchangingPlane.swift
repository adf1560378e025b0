import SignalboxProtocol
import Testing

@testable import DataPlaneCore

/// One data plane without threads.
final class ExchangingPlane {
    let shared = SharedState(slotsMax: 8, prefixIndexBytes: 1 << 20)
    let table: RoutingTable
    var exchange: PeerExchange
    var facts = RoutingFacts()
    private var random = SplitMix64(seed: 3)

    /// - Parameters:
    ///   - workers: the numbers of its workers.
    ///   - changed: changes a worker, such as its incarnation.
    ///   - addresses: those of hosts.
    init(
        _ number: UInt64,
        workers: [Int] = [1, 2, 3],
        addresses: [String: [IPAddress]] = [:],
        changed: (inout SnapshotWorker) -> Void = { _ in }
    ) throws {
        var compiler = RoutingTableCompiler(shared)
        table = try compiler.compile(
            Snapshot(
                version: SnapshotVersion(epoch: Samples.epoch, sequence: 1),
                workers: workers.map { number in
                    var worker = Samples.worker(number)
                    changed(&worker)
                    return worker
                },
                policy: PolicyConfiguration(name: .kvCost, parameters: ["cache_tokens": 300_000])
            ),
            digest: SnapshotDigest(of: []),
            observed: [],
            addresses: addresses
        )
        shared.setPlaces(of: table)
        exchange = PeerExchange(id: PeerID(number), name: "plane-\(number)", shared: shared)
    }

    func slot(_ index: Int) -> Int { table.workers[index].lease.slot }

    /// A text goes to a worker, as the engine would do it.
    func route(_ blocks: [UInt64], to index: Int, at milliseconds: Int) {
        facts.clear()
        facts.blocks = blocks
        facts.textBytes = blocks.count * BlockHasher.blockBytes
        let worker = table.workers[index]
        let now = MonotonicTime(milliseconds: milliseconds)
        let work = table.pools[0].policy.placed(worker, facts, shared.outbox, at: now)
        shared.loads.increment(slot: worker.lease.slot)
        shared.loads.addPending(work, slot: worker.lease.slot, at: now)
    }

    func depths(_ blocks: [UInt64]) -> [Int] {
        var depths = [Int](repeating: 0, count: LaneSet.lanesMax)
        shared.prefixIndex.match(blocks, into: &depths, table.pools[0].cacheGroup)
        return table.workers.map { depths[$0.lane ?? 0] }
    }

    func tell(_ others: [ExchangingPlane], at milliseconds: Int) -> [PeerExchange.Outgoing] {
        exchange.timePassed(at: MonotonicTime(milliseconds: milliseconds), known: others.map(\.exchange.id))
    }

    func hear(_ datagrams: [PeerExchange.Outgoing], at milliseconds: Int) {
        for datagram in datagrams {
            _ = exchange.received(datagram.bytes, at: MonotonicTime(milliseconds: milliseconds))
        }
    }
}
