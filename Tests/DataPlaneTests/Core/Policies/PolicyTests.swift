import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct PolicyTests {
    /// Three ready workers with slots 0, 1 and 2.
    private func workers(weights: [Int] = [1, 1, 1], _ loads: WorkerLoads) throws -> [RoutedWorker] {
        var compiler = RoutingTableCompiler(loads: loads)
        let workers = weights.enumerated().map { index, weight in
            var worker = Samples.worker(index + 1)
            worker.weight = weight
            return worker
        }
        let version = SnapshotVersion(epoch: Samples.epoch, sequence: 1)
        return try compiler.compile(
            Snapshot(version: version, workers: workers),
            digest: SnapshotDigest(of: []),
            health: nil,
            addresses: [:]
        ).workers
    }

    private func picks(_ policy: Policy, _ workers: [RoutedWorker], _ loads: WorkerLoads, count: Int) -> [Int] {
        var random = SplitMix64(seed: 3)
        return (0..<count).compactMap { _ in
            policy.pick(from: [0, 1, 2], of: workers, loads: loads, excluding: nil, using: &random)
        }
    }

    @Test("round_robin begins with the first worker and goes in the order of insertion")
    func roundRobin() throws {
        let loads = WorkerLoads(slotsMax: 4)
        let workers = try workers(loads)
        #expect(picks(.roundRobin(PolicyCursor()), workers, loads, count: 7) == [0, 1, 2, 0, 1, 2, 0])
    }

    @Test("random reaches every worker about equally often")
    func random() throws {
        let loads = WorkerLoads(slotsMax: 4)
        let picked = picks(.random, try workers(loads), loads, count: 3000)
        for index in 0..<3 { #expect((900...1100).contains(picked.filter { $0 == index }.count)) }
    }

    @Test("least_load prefers the worker with the fewest requests, and equals take turns")
    func leastLoad() throws {
        let loads = WorkerLoads(slotsMax: 4)
        let workers = try workers(loads)
        #expect(Set(picks(.leastLoad(PolicyCursor()), workers, loads, count: 3)) == [0, 1, 2])
        loads.increment(slot: 0)
        loads.increment(slot: 2)
        #expect(picks(.leastLoad(PolicyCursor()), workers, loads, count: 5) == [1, 1, 1, 1, 1])
    }

    @Test("least_load gives a heavier worker its larger share")
    func weights() throws {
        let loads = WorkerLoads(slotsMax: 4)
        let workers = try workers(weights: [1, 3, 1], loads)
        let policy = Policy.leastLoad(PolicyCursor())
        var counts = [0, 0, 0]
        for _ in 0..<50 {
            let picked = picks(policy, workers, loads, count: 1)[0]
            loads.increment(slot: picked)
            counts[picked] += 1
        }
        #expect(counts == [10, 30, 10])
    }

    @Test("A worker that failed the request is left out while there is another one")
    func excluded() throws {
        let loads = WorkerLoads(slotsMax: 4)
        let workers = try workers(loads)
        var random = SplitMix64(seed: 3)
        for policy in [Policy.roundRobin(PolicyCursor()), .random, .leastLoad(PolicyCursor())] {
            for _ in 0..<20 {
                let picked = policy.pick(from: [0, 1], of: workers, loads: loads, excluding: 0, using: &random)
                #expect(picked == 1)
            }
            #expect(policy.pick(from: [0], of: workers, loads: loads, excluding: 0, using: &random) == 0)
            #expect(policy.pick(from: [], of: workers, loads: loads, excluding: nil, using: &random) == nil)
        }
    }
}
