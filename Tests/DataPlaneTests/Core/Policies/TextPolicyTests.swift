import SignalboxProtocol
import Testing

@testable import DataPlaneCore

/// Policies that look at what a request says, on three workers.
struct TextPolicyTests {
    private final class Bench {
        let shared = SharedState(slotsMax: 8, prefixIndexBytes: 1 << 20)
        var workers: [RoutedWorker] = []
        var facts = RoutingFacts()
        var random = SplitMix64(seed: 3)
        var now = MonotonicTime(milliseconds: 5_000)
        private var compiler: RoutingTableCompiler
        private let snapshot: Snapshot
        private(set) var table: RoutingTable
        var policy: Policy { table.pools[0].policy }

        init(_ name: PolicyName, _ parameters: [String: Double] = [:], weights: [Int] = [1, 1, 1]) throws {
            let snapshotWorkers = weights.enumerated().map { index, weight in
                var worker = Samples.worker(index + 1)
                worker.weight = weight
                return worker
            }
            snapshot = Snapshot(
                version: SnapshotVersion(epoch: Samples.epoch, sequence: 1),
                workers: snapshotWorkers,
                policy: PolicyConfiguration(name: name, parameters: parameters)
            )
            compiler = RoutingTableCompiler(shared)
            table = try Bench.compile(snapshot, &compiler)
            workers = table.workers
        }

        private static func compile(_ snapshot: Snapshot, _ compiler: inout RoutingTableCompiler) throws -> RoutingTable
        {
            try compiler.compile(snapshot, digest: SnapshotDigest(of: []), observed: [], addresses: [:])
        }

        /// Another table, as after each change of a worker's health.
        func compileAgain() throws {
            table = try Bench.compile(snapshot, &compiler)
            workers = table.workers
        }

        /// Picks for a text and lets the request stay in flight when `holds`; returns the worker.
        func route(_ text: String, key: String? = nil, holds: Bool = false, tried: [UInt64] = []) -> Int? {
            facts.clear()
            let bytes = Array(text.utf8)
            facts.text = bytes
            facts.textBytes = bytes.count
            BlockHasher.hash(bytes.span, 0..<bytes.count, seed: 0, into: &facts.blocks)
            if let key {
                let name = Array(key.utf8)
                facts.key = BlockHasher.hash(name.span, 0..<name.count)
                facts.isExplicitKey = true
            }
            let filter = WorkerFilter(loads: shared.loads, now: now, tried: tried)
            guard let index = policy.pick(from: [0, 1, 2], of: workers, filter, &facts, using: &random) else {
                return nil
            }
            let tokens = policy.placed(workers[index], facts, shared.outbox, at: now)
            if holds {
                shared.loads.increment(slot: index)
                shared.loads.addPending(tokens, slot: index, at: now)
            }
            return index
        }
    }

    @Test("the trees of cache_aware tell what they hold of each worker; other policies have none")
    func treeSizes() throws {
        let bench = try Bench(.cacheAware)
        let worker = try #require(bench.route(String(repeating: "ä", count: 1_000)))
        #expect(bench.route(String(repeating: "ä", count: 1_000)) == worker)
        #expect(bench.table.treeSizes().filter { $0.value > 0 } == [bench.workers[worker].lease.token: 1_000])
        #expect(try Bench(.kvCost).table.treeSizes().isEmpty)
    }

    @Test("kv_cost avoids a worker that does not answer, and one that stands still in the middle of its answers")
    func stalledWorkers() throws {
        let silent = try Bench(.kvCost)
        // Nobody has shown a first token since the request went there.
        let first = try #require(silent.route("short", holds: true))
        silent.now = silent.now.adding(milliseconds: 2_000)
        for _ in 0..<20 { #expect(silent.route("short") != first) }

        let still = try Bench(.kvCost)
        for _ in 0..<5 { still.shared.loads.increment(slot: 1) }
        for _ in 0..<20 { #expect(still.route("short") != 1) }
    }

    private static let long = String(repeating: "The quick brown fox jumps over the lazy dog. ", count: 200)

    @Test("cache_aware follows a match of more than its share, else the least loaded worker")
    func cacheAware() throws {
        let bench = try Bench(.cacheAware, ["cache_threshold": 0.5])
        let first = bench.route("hello world", holds: true)
        #expect(bench.route("hello world") == first)
        #expect(bench.route("hello wor") == first)
        let miss = bench.route("completely other")
        #expect(miss != first, "a miss went to the worker with more requests")
        #expect(bench.route("completely other thing") == miss)
    }

    @Test("cache_aware holds one worker's texts against the limit with each request, not all with one")
    func eviction() throws {
        let bench = try Bench(.cacheAware, ["max_tree_size": 1_024, "eviction_interval_secs": 1])
        func tooLarge() -> Int { bench.table.treeSizes().values.count { $0 > 1_024 } }
        _ = bench.route("the time until the first look begins")
        for letter in ["a", "b", "c"] { _ = bench.route(String(repeating: letter, count: 1_100), holds: true) }
        #expect(tooLarge() == 3)
        bench.now = bench.now.adding(milliseconds: 1_000)
        for left in [2, 1, 0] {
            _ = bench.route("short")
            #expect(tooLarge() == left)
        }
    }

    @Test(
        "Equal weights are equal, however large: every policy picks as with none",
        arguments: PolicyName.allCases
    )
    func equalWeights(name: PolicyName) throws {
        let parameters: [String: Double] =
            name == .cacheAware || name == .bucket ? ["balance_abs_threshold": 2, "balance_rel_threshold": 1.5] : [:]
        func picks(_ weights: [Int]) throws -> [Int?] {
            let bench = try Bench(name, parameters, weights: weights)
            return (0..<60).map { number in
                bench.route(Self.long + "\(number % 3)", key: "\(number % 7)", holds: number % 2 == 0)
            }
        }
        #expect(try picks([1000, 1000, 1000]) == picks([1, 1, 1]))
    }

    @Test("cache_aware goes by load alone while loads are out of balance")
    func imbalance() throws {
        let bench = try Bench(.cacheAware, ["balance_abs_threshold": 2, "balance_rel_threshold": 1.5])
        let first = try #require(bench.route("hello world", holds: true))
        for _ in 0..<3 { bench.shared.loads.increment(slot: first) }
        #expect(bench.route("hello world") != first)
    }

    @Test("cache_aware as at first sends a miss to the worker with the smallest tree")
    func smallestTree() throws {
        let bench = try Bench(.cacheAware, ["smallest_tree": 1, "cache_threshold": 0.5])
        var used: Set<Int> = []
        for text in ["aaaaaaaaaaaa", "bbbbbb", "cccc"] { if let index = bench.route(text) { used.insert(index) } }
        #expect(used.count == 3)
        let smallest = try #require(bench.route("cccc"))
        #expect(bench.route("dddd") == smallest)
    }

    @Test("cache_aware as in sglang-router 0.3.2 sends every miss to the first of equally loaded workers")
    func firstOfEquals() throws {
        let bench = try Bench(.cacheAware, ["first_of_equals": 1])
        let first = try #require(bench.route("aaaaaaaaaaaa"))
        for text in ["bbbbbb", "cccc", "dddd"] { #expect(bench.route(text) == first) }
        bench.shared.loads.increment(slot: first)
        #expect(bench.route("eeee") != first)
    }

    @Test("A match of nothing is none: empty texts are spread")
    func emptyTexts() throws {
        let bench = try Bench(.cacheAware)
        #expect(Set((0..<6).map { _ in bench.route("", holds: true) }).count == 3)
    }

    @Test("kv_cost returns to the worker that knows the text while the wait there is worth it")
    func kvCost() throws {
        let bench = try Bench(.kvCost)
        let first = try #require(bench.route(Self.long))
        for _ in 0..<10 { #expect(bench.route(Self.long + " And more.") == first) }
        // Twice the work of the text waits there: computing it anew elsewhere costs less.
        bench.shared.loads.addPending(100_000, slot: first, at: bench.now)
        #expect(bench.route(Self.long + " And more.") != first)
    }

    @Test("kv_cost counts its own work more where caches are full of what comes again, and most in overload")
    func ownWorkWeight() {
        func weight(_ backlog: Double, _ lateReuse: Double) -> Double {
            KVCostPolicy.ownWorkWeight(backlogSeconds: backlog, lateReuse: lateReuse)
        }
        #expect(weight(0, 0) == 2)
        #expect(weight(1, 0) > 3 && weight(1, 0) < 3.5)
        #expect(weight(0, 0.5) == 8)
        #expect(weight(10, 0) > 30)
        #expect(weight(10_000, 1) == 200)
    }

    @Test(
        "kv_cost whose data planes are not heard agrees with them on two workers for each text, and spreads the texts"
    )
    func kvCostUnheard() throws {
        func route(_ bench: Bench, _ group: Int, _ own: Int) -> Int? {
            bench.route(
                String(repeating: "Text of group \(group). ", count: 100) + String(repeating: "\(own) ", count: 400)
            )
        }
        let benches = try (0..<4).map { _ in try Bench(.kvCost) }
        for bench in benches { bench.shared.loads.setPeers(heard: 0, silent: 3) }
        var used: Set<Int> = []
        for group in 0..<40 {
            // Each group is new to every data plane, and none knows what the others did.
            let picks = benches.map { route($0, group, 0) }
            #expect(Set(picks).count == 1, "group \(group) went to \(picks)")
            used.formUnion(picks.compactMap(\.self))
        }
        #expect(used == [0, 1, 2])
        // A second worker, always the same, takes over when the first has too much.
        let first = try #require(route(benches[0], 0, 1))
        for bench in benches { bench.shared.loads.addPending(400_000, slot: first, at: bench.now) }
        let seconds = Set(benches.map { route($0, 0, 2) })
        #expect(seconds.count == 1 && !seconds.contains(first))
    }

    @Test("kv_cost tells texts apart behind a beginning that all have")
    func kvCostUnheardCommonBeginning() throws {
        let bench = try Bench(.kvCost)
        let common = String(repeating: "You are a helpful assistant. ", count: 60)
        func route(_ number: Int) -> Int? {
            bench.route(common + String(repeating: "question \(number) ", count: 100), holds: true)
        }
        for number in 0..<60 { _ = route(number) }
        bench.shared.loads.setPeers(heard: 0, silent: 1)
        let picks = (100..<160).compactMap { route($0) }
        for worker in 0..<3 { #expect((8...35).contains(picks.count { $0 == worker }), "worker \(worker)") }
        // Most are heard: what they tell is better than any rule.
        bench.shared.loads.setPeers(heard: 3, silent: 1)
        #expect(bench.shared.loads.unheardFactor == 1)
    }

    @Test("kv_cost spreads texts that nobody knows by the work that waits")
    func kvCostSpread() throws {
        let bench = try Bench(.kvCost)
        let picks = (0..<30).compactMap { bench.route(String(repeating: "\($0) new text. ", count: 300), holds: true) }
        for worker in 0..<3 { #expect((8...12).contains(picks.count { $0 == worker })) }
    }

    @Test("kv_cost gives a worker of twice the weight about twice the work")
    func kvCostWeights() throws {
        let bench = try Bench(.kvCost, weights: [1, 2, 1])
        let picks = (0..<80).compactMap { bench.route(String(repeating: "\($0) new text. ", count: 300), holds: true) }
        #expect((34...46).contains(picks.count { $0 == 1 }))
    }

    @Test("manual keeps a key at its worker, whatever the loads, until the key was idle for too long")
    func manual() throws {
        let bench = try Bench(.manual, ["assignment_mode": 1, "max_idle_secs": 10])
        let first = try #require(bench.route("", key: "session-1", holds: true))
        for _ in 0..<5 { #expect(bench.route("", key: "session-1", holds: true) == first) }
        #expect(bench.route("", key: "session-2") != first)
        bench.now = bench.now.adding(milliseconds: 10_001)
        #expect(bench.route("", key: "session-1") != first)
    }

    @Test("manual has a second worker stand in for a key, and returns to the first when that can take it")
    func manualStandIn() throws {
        let bench = try Bench(.manual, ["assignment_mode": 1])
        let first = try #require(bench.route("", key: "session", holds: true))
        let token = { bench.workers[$0].lease.token }
        let second = try #require(bench.route("", key: "session", tried: [token(first)]))
        #expect(second != first)
        #expect(bench.route("", key: "session") == first)
        // Both are away: the third takes the place of the older one.
        let third = try #require(bench.route("", key: "session", tried: [token(first), token(second)]))
        #expect(Set([first, second, third]).count == 3)
        #expect(bench.route("", key: "session") == second)
    }

    @Test("manual gives a heavier worker more keys", arguments: [0, 1, 2])
    func manualWeights(mode: Double) throws {
        let bench = try Bench(.manual, ["assignment_mode": mode], weights: [1, 3, 2])
        let picks = (0..<600).compactMap { bench.route("", key: "key \($0)", holds: true) }
        for (worker, share) in [100, 300, 200].enumerated() {
            #expect(abs(picks.count { $0 == worker } - share) <= (mode == 0 ? 75 : 3), "worker \(worker)")
        }
    }

    @Test("cache_aware measures loads by weight: a heavier worker with more is no imbalance")
    func weightedBalance() throws {
        let bench = try Bench(
            .cacheAware,
            ["balance_abs_threshold": 2, "balance_rel_threshold": 1.5],
            weights: [1, 4, 1]
        )
        for (slot, load) in [2, 8, 2].enumerated() { for _ in 0..<load { bench.shared.loads.increment(slot: slot) } }
        let owner = try #require(bench.route("hello world"))
        bench.shared.loads.increment(slot: owner)
        #expect(bench.route("hello world") == owner)
        for _ in 0..<20 { bench.shared.loads.increment(slot: owner) }
        #expect(bench.route("hello world") != owner)
    }

    @Test("bucket cuts the lengths by weight")
    func bucketWeights() throws {
        let bench = try Bench(.bucket, weights: [1, 6, 1])
        var counts = [0, 0, 0]
        for round in 0..<4_000 {
            bench.now = bench.now.adding(milliseconds: 10)
            let picked = try #require(bench.route(String(repeating: "x", count: 100 + round % 800)))
            if round >= 1_000 { counts[picked] += 1 }
        }
        #expect(counts[1] > 3 * (counts[0] + counts[2]) / 2, "\(counts)")
    }

    @Test("bucket keeps how it has cut the lengths when another table is compiled")
    func bucketRemembers() throws {
        let bench = try Bench(.bucket)
        for round in 0..<1_000 {
            bench.now = bench.now.adding(milliseconds: 10)
            _ = bench.route(String(repeating: "x", count: 100 + round % 800))
        }
        bench.now = bench.now.adding(milliseconds: 5_000)
        try bench.compileAgain()
        #expect(bench.route(String(repeating: "x", count: 110)) == 0)
        #expect(bench.route(String(repeating: "x", count: 890)) == 2)
    }

    @Test("consistent_hashing sends a key to one worker, and the number of a worker to that one or none")
    func consistentHashing() throws {
        let bench = try Bench(.consistentHashing)
        let owner = bench.route("", key: "k")
        for _ in 0..<5 { #expect(bench.route("", key: "k") == owner) }
        #expect(Set((0..<50).map { bench.route("", key: "k\($0)") }).count == 3)
        let filter = WorkerFilter(loads: bench.shared.loads, now: bench.now, tried: [])
        for (target, expected) in [(1, 1), (2, 2), (7, nil)] as [(Int, Int?)] {
            bench.facts.clear()
            bench.facts.target = target
            let picked = bench.policy.pick(
                from: [0, 1, 2],
                of: bench.workers,
                filter,
                &bench.facts,
                using: &bench.random
            )
            #expect(picked == expected)
        }
    }

    @Test("prefix_hash keeps a beginning at one worker until that has more than its share")
    func prefixHash() throws {
        let bench = try Bench(.prefixHash)
        let owner = try #require(bench.route(Self.long))
        #expect(bench.route(Self.long + "more") == owner)
        for _ in 0..<10 { bench.shared.loads.increment(slot: owner) }
        #expect(bench.route(Self.long) != owner)
    }

    @Test("power_of_two never takes the busier of two, and uses all")
    func powerOfTwo() throws {
        let bench = try Bench(.powerOfTwo)
        for _ in 0..<5 { bench.shared.loads.increment(slot: 1) }
        let picks = (0..<200).compactMap { _ in bench.route("") }
        #expect(!picks.contains(1), "of any two one is less loaded than worker 1")
        #expect(Set(picks) == [0, 2])
    }

    @Test("bucket keeps short and long texts apart while the work is balanced")
    func bucket() throws {
        let bench = try Bench(.bucket)
        #expect(bench.route("short") == 0)
        #expect(bench.route(String(repeating: "x", count: 2000)) == 1)
        #expect(bench.route(String(repeating: "x", count: 9000)) == 2)
        let picks = (0..<40).compactMap { _ in bench.route(String(repeating: "x", count: 9000)) }
        for worker in 0..<3 { #expect((9...18).contains(picks.count { $0 == worker }), "the work is out of balance") }
    }

    @Test("No policy picks a worker that failed the request, or none when all have", arguments: PolicyName.allCases)
    func candidates(name: PolicyName) throws {
        let bench = try Bench(name)
        let tokens = bench.workers.map(\.lease.token)
        for round in 0..<60 {
            let tried = [tokens[round % 3], tokens[(round + 1) % 3]]
            #expect(bench.route("text \(round % 7)", key: "k\(round % 5)", tried: tried) == (round + 2) % 3)
            #expect(bench.route("text \(round % 7)", key: "k\(round % 5)", tried: tokens) == nil)
        }
    }
}
