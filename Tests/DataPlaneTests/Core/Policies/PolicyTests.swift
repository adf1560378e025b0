import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct PolicyTests {
    /// Three ready workers with slots 0, 1 and 2.
    private func workers(weights: [Int] = [1, 1, 1], _ shared: SharedState) throws -> [RoutedWorker] {
        var compiler = RoutingTableCompiler(shared)
        let workers = weights.enumerated().map { index, weight in
            var worker = Samples.worker(index + 1)
            worker.weight = weight
            return worker
        }
        let version = SnapshotVersion(epoch: Samples.epoch, sequence: 1)
        return try compiler.compile(
            Snapshot(version: version, workers: workers),
            digest: SnapshotDigest(of: []),
            observed: [],
            addresses: [:]
        ).workers
    }

    private func filter(_ shared: SharedState, tried: [UInt64] = []) -> WorkerFilter {
        WorkerFilter(loads: shared.loads, now: MonotonicTime(milliseconds: 5_000), tried: tried)
    }

    private func picks(_ policy: Policy, _ workers: [RoutedWorker], _ shared: SharedState, count: Int) -> [Int] {
        var random = SplitMix64(seed: 3)
        var facts = RoutingFacts()
        return (0..<count).compactMap { _ in
            policy.pick(from: [0, 1, 2], of: workers, filter(shared), &facts, using: &random)
        }
    }

    @Test("round_robin begins with the first worker and goes in the order of insertion")
    func roundRobin() throws {
        let shared = SharedState(slotsMax: 4)
        let workers = try workers(shared)
        #expect(
            picks(.roundRobin(PolicyCursor(), isWeighted: false), workers, shared, count: 7) == [0, 1, 2, 0, 1, 2, 0]
        )
    }

    @Test("random reaches every worker about equally often")
    func random() throws {
        let shared = SharedState(slotsMax: 4)
        let picked = picks(.random(isWeighted: false), try workers(shared), shared, count: 3000)
        for index in 0..<3 { #expect((900...1100).contains(picked.filter { $0 == index }.count)) }
    }

    @Test("least_load prefers the worker with the fewest requests, and equals take turns")
    func leastLoad() throws {
        let shared = SharedState(slotsMax: 4)
        let workers = try workers(shared)
        #expect(Set(picks(.leastLoad(PolicyCursor()), workers, shared, count: 3)) == [0, 1, 2])
        shared.loads.increment(slot: 0)
        shared.loads.increment(slot: 2)
        #expect(picks(.leastLoad(PolicyCursor()), workers, shared, count: 5) == [1, 1, 1, 1, 1])
    }

    @Test("least_load gives a heavier worker its larger share")
    func weights() throws {
        let shared = SharedState(slotsMax: 4)
        let workers = try workers(weights: [1, 3, 1], shared)
        let policy = Policy.leastLoad(PolicyCursor())
        var counts = [0, 0, 0]
        for _ in 0..<50 {
            let picked = picks(policy, workers, shared, count: 1)[0]
            shared.loads.increment(slot: picked)
            counts[picked] += 1
        }
        #expect(counts == [10, 30, 10])
    }

    private static let policies = [
        Policy.roundRobin(PolicyCursor(), isWeighted: false), .random(isWeighted: false), .leastLoad(PolicyCursor()),
    ]

    @Test("A worker that failed the request is left out")
    func tried() throws {
        let shared = SharedState(slotsMax: 4)
        let workers = try workers(shared)
        var random = SplitMix64(seed: 3)
        var facts = RoutingFacts()
        let tried = filter(shared, tried: [workers[0].lease.token])
        for policy in Self.policies {
            for _ in 0..<20 {
                #expect(policy.pick(from: [0, 1], of: workers, tried, &facts, using: &random) == 1)
            }
            #expect(policy.pick(from: [0], of: workers, tried, &facts, using: &random) == nil)
            #expect(policy.pick(from: [], of: workers, tried, &facts, using: &random) == nil)
        }
    }

    @Test("A worker that is full is left out, and all policies say when all are")
    func full() throws {
        let shared = SharedState(slotsMax: 4)
        var workers = try workers(shared)
        for index in 0..<3 { workers[index].requestsMax = 1 }
        shared.loads.increment(slot: 0)
        shared.loads.increment(slot: 2)
        for policy in Self.policies { #expect(Set(picks(policy, workers, shared, count: 30)) == [1]) }
        shared.loads.increment(slot: 1)
        for policy in Self.policies { #expect(picks(policy, workers, shared, count: 3).isEmpty) }
    }

    @Test("A learned limit holds where the worker has said none")
    func learned() throws {
        let shared = SharedState(slotsMax: 4)
        var workers = try workers(shared)
        workers[1].requestsMax = 2
        for slot in 0..<3 {
            shared.loads.setLearnedMax(1, slot: slot)
            shared.loads.increment(slot: slot)
        }
        for policy in Self.policies { #expect(Set(picks(policy, workers, shared, count: 30)) == [1]) }
    }

    @Test("A worker whose breaker is open is left out until its time has come; a full half-open one is left out too")
    func open() throws {
        let shared = SharedState(slotsMax: 4)
        let workers = try workers(shared)
        shared.loads.setGate(.open(until: MonotonicTime(milliseconds: 5_001)), slot: 0)
        shared.loads.setGate(.full, slot: 1)
        for policy in Self.policies { #expect(Set(picks(policy, workers, shared, count: 30)) == [2]) }
        shared.loads.setGate(.open(until: MonotonicTime(milliseconds: 5_000)), slot: 0)
        shared.loads.setGate(.halfOpen, slot: 1)
        for policy in Self.policies { #expect(Set(picks(policy, workers, shared, count: 60)) == [0, 1, 2]) }
    }

    @Test("random stays even when a worker is left out")
    func randomIsEven() throws {
        let shared = SharedState(slotsMax: 4)
        let workers = try workers(shared)
        shared.loads.setGate(.full, slot: 1)
        let picked = picks(.random(isWeighted: false), workers, shared, count: 2000)
        for index in [0, 2] { #expect((900...1100).contains(picked.filter { $0 == index }.count)) }
    }
}
