import SignalboxProtocol
import Testing

@testable import DataPlaneCore

/// Where `manual` gives keys their workers, and what it does when those come and go.
struct ManualPolicyTests {
    /// One data plane: what its policy remembers, and the table in force.
    private final class DataPlane {
        let shared = SharedState(slotsMax: 16)
        var compiler: RoutingTableCompiler
        var table = RoutingTable.empty
        var now = MonotonicTime(milliseconds: 5_000)
        var random: SplitMix64
        private let mode: Double
        private var sequence: UInt64 = 0

        init(mode: Double, weights: [Int] = [1, 1, 1, 1], seed: UInt64 = 7) throws {
            self.mode = mode
            compiler = RoutingTableCompiler(shared)
            random = SplitMix64(seed: seed)
            try apply(weights: weights)
        }

        /// Applies a table of the workers 1 to `weights.count` without those of weight 0.
        func apply(weights: [Int], unhealthy: Set<Int> = []) throws {
            sequence += 1
            let workers = weights.enumerated().filter { $0.element > 0 }.map { index, weight in
                var worker = Samples.worker(index + 1)
                worker.weight = weight
                return worker
            }
            let parameters = ["assignment_mode": mode, "max_idle_secs": 100]
            let snapshot = Snapshot(
                version: SnapshotVersion(epoch: Samples.epoch, sequence: sequence),
                workers: workers,
                policy: PolicyConfiguration(name: .manual, parameters: parameters)
            )
            table = try compiler.compile(
                snapshot,
                digest: SnapshotDigest(of: []),
                observed: Samples.health(workers, unhealthy: unhealthy).workers,
                addresses: Samples.addresses(workers)
            )
            compiler.retire(allBut: snapshot)
        }

        /// The worker that a request gets, by its place in the host name.
        func route(_ key: UInt64?) -> Int? {
            var facts = RoutingFacts()
            facts.key = key
            facts.isExplicitKey = key != nil
            let filter = WorkerFilter(loads: shared.loads, now: now, tried: [])
            let pool = table.pools[0]
            guard let index = pool.policy.pick(from: pool.ready, of: table.workers, filter, &facts, using: &random)
            else {
                return nil
            }
            _ = pool.policy.placed(table.workers[index], facts, shared.outbox, at: now)
            return table.workers[index].endpoint.authority.firstIndex(of: ":").flatMap {
                Int(table.workers[index].endpoint.authority[..<$0].dropFirst("worker-".count))
            }
        }

        /// How many of the keys each of four workers gets.
        func counts(_ keys: Range<UInt64>) -> [Int] {
            var counts = [0, 0, 0, 0]
            for key in keys { if let worker = route(BlockHasher.mix(key)) { counts[worker - 1] += 1 } }
            return counts
        }
    }

    @Test("min_group spreads the keys of a worker that is gone over all others", arguments: [true, false])
    func lostWorker(isRemoved: Bool) throws {
        let plane = try DataPlane(mode: 2)
        #expect(plane.counts(0..<400) == [100, 100, 100, 100])
        try plane.apply(weights: [isRemoved ? 0 : 1, 1, 1, 1], unhealthy: isRemoved ? [] : [0])
        let counts = plane.counts(0..<400)
        #expect(counts[0] == 0 && counts[1...].allSatisfy { (133...134).contains($0) }, "\(counts)")
        #expect(plane.counts(0..<400) == counts, "keys stay where they are")
    }

    @Test("A worker that is back has its keys again, and counts them")
    func back() throws {
        let plane = try DataPlane(mode: 2)
        _ = plane.counts(0..<400)
        try plane.apply(weights: [1, 1, 1, 1], unhealthy: [0])
        _ = plane.counts(0..<400)
        try plane.apply(weights: [1, 1, 1, 1])
        #expect(plane.counts(0..<400) == [100, 100, 100, 100])
        #expect(plane.counts(400..<800) == [100, 100, 100, 100])
    }

    @Test("Keys that were not used for max_idle_secs count no more for min_group")
    func idle() throws {
        let plane = try DataPlane(mode: 2)
        try plane.apply(weights: [1, 0, 0, 0])
        _ = plane.counts(0..<300)
        try plane.apply(weights: [1, 1, 1, 1])
        plane.now = plane.now.adding(milliseconds: 100_001)
        #expect(plane.counts(300..<700) == [100, 100, 100, 100])
    }

    @Test("random gives a key the same worker on every data plane, and each worker its weight's share")
    func agreement() throws {
        let planes = try (0..<4).map { try DataPlane(mode: 0, weights: [1, 2, 3, 4], seed: UInt64($0)) }
        var counts = [0, 0, 0, 0]
        for key in 0..<2_000 {
            let workers = Set(planes.map { $0.route(BlockHasher.mix(UInt64(key))) })
            #expect(workers.count == 1)
            if let worker = workers.first ?? nil { counts[worker - 1] += 1 }
        }
        // Six standard deviations.
        #expect(zip(counts, [200, 400, 600, 800]).allSatisfy { abs($0 - $1) < 135 }, "\(counts)")
    }

    @Test("A data plane that starts anew draws the workers that it had drawn before")
    func restart() throws {
        let before = try DataPlane(mode: 0, seed: 1)
        let after = try DataPlane(mode: 0, seed: 2)
        #expect((0..<100).allSatisfy { before.route($0) == after.route($0) })
    }

    @Test("A worker that comes moves no key", arguments: [0.0, 1, 2])
    func comes(mode: Double) throws {
        let plane = try DataPlane(mode: mode, weights: [1, 1, 1])
        let homes = (0..<100).map { plane.route($0) }
        try plane.apply(weights: [1, 1, 1, 1])
        #expect((0..<100).map { plane.route($0) } == homes)
    }

    @Test("Requests without a key are not remembered, and go anywhere under random")
    func keyless() throws {
        let plane = try DataPlane(mode: 0)
        #expect(Set((0..<100).map { _ in plane.route(nil) }).count == 4)
    }
}
