import SignalboxProtocol
import Testing

@testable import DataPlaneCore

/// What holds for every policy in every state of the fleet, on random fleets.
struct PolicyPropertyTests {
    /// A fleet whose workers are full, tried, closed or open at random.
    private struct Fleet {
        let shared = SharedState(slotsMax: 16, prefixIndexBytes: 1 << 20)
        var table: RoutingTable
        var tried: [UInt64] = []
        let now = MonotonicTime(milliseconds: 5_000)

        init(_ name: PolicyName, using random: inout SplitMix64) throws {
            var compiler = RoutingTableCompiler(shared)
            let workers = (0..<Int.random(in: 1...12, using: &random)).map { index in
                var worker = Samples.worker(index + 1)
                worker.weight = Int.random(in: 1...4, using: &random)
                worker.runningRequestsMax = Bool.random(using: &random) ? Int.random(in: 1...3, using: &random) : nil
                return worker
            }
            table = try compiler.compile(
                Snapshot(
                    version: SnapshotVersion(epoch: Samples.epoch, sequence: 1),
                    workers: workers,
                    policy: PolicyConfiguration(name: name)
                ),
                digest: SnapshotDigest(of: []),
                observed: [],
                addresses: Samples.addresses(workers)
            )
            for worker in table.workers { disturb(worker, using: &random) }
            if Bool.random(using: &random) { shared.loads.setPeers(heard: 0, silent: 3) }
        }

        private mutating func disturb(_ worker: RoutedWorker, using random: inout SplitMix64) {
            let slot = worker.lease.slot
            for _ in 0..<Int.random(in: 0...3, using: &random) { shared.loads.increment(slot: slot) }
            switch Int.random(in: 0..<6, using: &random) {
            case 0: shared.loads.setGate(.full, slot: slot)
            case 1: shared.loads.setGate(.open(until: now.adding(milliseconds: 1)), slot: slot)
            case 2: shared.loads.setLearnedMax(2, slot: slot)
            case 3: tried.append(worker.lease.token)
            default: break
            }
            if Bool.random(using: &random) {
                let until = now.adding(milliseconds: Int.random(in: -10...10, using: &random))
                shared.loads.setTold(Int.random(in: 0...9_000, using: &random), slot: slot, until: until)
            }
        }

        var filter: WorkerFilter { WorkerFilter(loads: shared.loads, now: now, tried: tried) }
    }

    private func facts(using random: inout SplitMix64) -> RoutingFacts {
        var facts = RoutingFacts()
        let text = Array(String(repeating: "ä€😀 x", count: Int.random(in: 0...400, using: &random)).utf8)
        facts.text = text
        facts.textBytes = text.count
        BlockHasher.hash(text.span, 0..<text.count, seed: 1, into: &facts.blocks)
        if Bool.random(using: &random) {
            facts.key = UInt64.random(in: 0...20, using: &random)
            facts.isExplicitKey = Bool.random(using: &random)
        }
        if Int.random(in: 0..<5, using: &random) == 0 { facts.target = Int.random(in: 0...14, using: &random) }
        return facts
    }

    @Test(
        "No policy picks a worker that is not a candidate, and each picks one where there is one",
        arguments: PolicyName.allCases
    )
    func candidates(name: PolicyName) throws {
        var random = SplitMix64(seed: 11)
        for _ in 0..<80 {
            let fleet = try Fleet(name, using: &random)
            let pool = fleet.table.pools[0]
            let ready = pool.ready.filter { _ in Int.random(in: 0..<5, using: &random) > 0 }
            for _ in 0..<4 {
                var facts = facts(using: &random)
                let admitted = Set(ready.filter { fleet.filter.admits(fleet.table.workers[$0]) })
                let filter = fleet.filter
                let picked = pool.policy.pick(
                    from: ready,
                    of: fleet.table.workers,
                    filter,
                    &facts,
                    using: &random
                )
                let isDrawn = name == .kvCost && fleet.shared.loads.unheardFactor > 1 && !facts.blocks.isEmpty
                if let picked {
                    #expect(admitted.contains(picked))
                    #expect((facts.reason == .rendezvous) == isDrawn)
                    if isDrawn { tellsWhatWasCompared(fleet, pool, picked, facts) }
                    let worker = fleet.table.workers[picked]
                    _ = pool.policy.placed(worker, facts, fleet.shared.outbox, at: fleet.now)
                } else if name != .consistentHashing || facts.target == nil {
                    #expect(admitted.isEmpty, "\(admitted.count) workers would have taken the request")
                }
            }
        }
    }

    /// Costs are told of the two workers that were drawn, and of no other; the picked one has the lower.
    private func tellsWhatWasCompared(_ fleet: Fleet, _ pool: WorkerPool, _ picked: Int, _ facts: RoutingFacts) {
        let told = PickExplanation(pool, of: fleet.table.workers, picked: picked, fleet.filter, facts)
        let costs = told.candidates.compactMap(\.cost)
        let drawn = [facts.drawn?.home, facts.drawn?.second].compactMap(\.self)
        #expect(drawn.contains { $0.index == picked })
        #expect(costs.sorted() == drawn.map(\.cost).sorted() && told.candidates.first?.cost == costs.min())
    }

    @Test(
        "A text draws workers by their weights, however large, and a change of one weight moves no other worker's texts"
    )
    func rendezvousWeights() {
        let weights = [1, 4, 16, 64, 256]
        func nearest(_ key: UInt64, _ weights: [Int]) -> Int? {
            weights.indices.min { one, other in
                Rendezvous.time(key, BlockHasher.mix(UInt64(one + 1)), Double(weights[one])).time
                    < Rendezvous.time(key, BlockHasher.mix(UInt64(other + 1)), Double(weights[other])).time
            }
        }
        var random = SplitMix64(seed: 17)
        let keys = (0..<34_100).map { _ in random.next() }
        let picks = keys.map { nearest($0, weights) }
        for (worker, weight) in weights.enumerated() {
            let (count, expected) = (picks.count { $0 == worker }, Double(weight * 100))
            // Six standard deviations.
            #expect(abs(Double(count) - expected) < 6 * expected.squareRoot(), "worker \(worker) has \(count)")
        }
        let changed = keys.map { nearest($0, [1, 4, 16, 128, 256]) }
        #expect(zip(picks, changed).allSatisfy { $0 == $1 || $1 == 3 })
    }

    /// Requests that stay in flight, by worker.
    private func spread(_ name: PolicyName, weights: [Int], count: Int, keyed: Bool = false) throws -> [Int] {
        let shared = SharedState(slotsMax: 16)
        var compiler = RoutingTableCompiler(shared)
        let workers = weights.enumerated().map { index, weight in
            var worker = Samples.worker(index + 1)
            worker.weight = weight
            return worker
        }
        let table = try compiler.compile(
            Snapshot(
                version: SnapshotVersion(epoch: Samples.epoch, sequence: 1),
                workers: workers,
                policy: PolicyConfiguration(name: name)
            ),
            digest: SnapshotDigest(of: []),
            observed: [],
            addresses: Samples.addresses(workers)
        )
        var random = SplitMix64(seed: 5)
        var facts = RoutingFacts()
        var counts = [Int](repeating: 0, count: weights.count)
        for number in 0..<count {
            if keyed { facts.key = BlockHasher.mix(UInt64(number)) }
            let filter = WorkerFilter(loads: shared.loads, now: MonotonicTime(milliseconds: 5_000), tried: [])
            let ready = Array(weights.indices)
            let picked = table.pools[0].policy.pick(from: ready, of: table.workers, filter, &facts, using: &random)
            let index = try #require(picked)
            counts[index] += 1
            shared.loads.increment(slot: table.workers[index].lease.slot)
        }
        return counts
    }

    @Test("Requests that stay are spread evenly, up to the bound of each policy")
    func bounds() throws {
        let even = [Int](repeating: 1, count: 8)
        for name in [PolicyName.roundRobin, .leastLoad] {
            let counts = try spread(name, weights: even, count: 1_003)
            #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1, "\(name)")
        }
        // Two choices: the fullest has the mean and log log n more, not the square root of the mean.
        let two = try spread(.powerOfTwo, weights: even, count: 8_000)
        #expect(two.allSatisfy { abs($0 - 1_000) <= 8 }, "\(two)")
        // Six standard deviations.
        let any = try spread(.random, weights: even, count: 8_000)
        #expect(any.allSatisfy { abs($0 - 1_000) <= 180 }, "\(any)")
    }

    @Test("least_load and round_robin keep to the weights, power_of_two and random closely")
    func weights() throws {
        let weights = [1, 2, 3, 4]
        let exact = try spread(.leastLoad, weights: weights, count: 1_000)
        #expect(zip(exact, weights).allSatisfy { abs($0 - $1 * 100) <= $1 }, "\(exact)")
        let turns = try spread(.roundRobin, weights: weights, count: 1_000)
        #expect(zip(turns, weights).allSatisfy { abs($0 - $1 * 100) <= 5 }, "\(turns)")
        // Six standard deviations.
        let chance = try spread(.random, weights: weights, count: 10_000)
        #expect(zip(chance, weights).allSatisfy { abs($0 - $1 * 1_000) <= 300 }, "\(chance)")
        let close = try spread(.powerOfTwo, weights: weights, count: 1_000)
        #expect(zip(close, weights).allSatisfy { abs($0 - $1 * 100) <= 20 }, "\(close)")
    }

    @Test(
        "Keys are spread by weight, however large the weights are",
        arguments: [[1, 2, 5], [4, 40, 8], [1000, 1000, 500]]
    )
    func keysByWeight(weights: [Int]) throws {
        let counts = try spread(.consistentHashing, weights: weights, count: 10_000, keyed: true)
        let total = weights.reduce(0, +)
        for (count, weight) in zip(counts, weights) {
            let share = Double(weight) / Double(total)
            // Six standard deviations.
            #expect(abs(Double(count) - 10_000 * share) < 6 * (10_000 * share * (1 - share)).squareRoot(), "\(counts)")
        }
    }
}
