import SignalboxProtocol
import Testing

@testable import DataPlaneCore

/// What `power_of_two` does with the loads that workers tell, and whether policies say what they miss.
struct PolicyStateTests {
    private final class Bench {
        let shared = SharedState(slotsMax: 4, prefixIndexBytes: 1 << 20)
        var compiler: RoutingTableCompiler
        let table: RoutingTable
        let snapshot: Snapshot
        var now = MonotonicTime(milliseconds: 5_000)
        var random = SplitMix64(seed: 7)

        init(_ name: PolicyName, weights: [Int] = [1, 1], parameters: [String: Double] = [:]) throws {
            compiler = RoutingTableCompiler(shared)
            let workers = weights.enumerated().map { index, weight in
                var worker = Samples.worker(index + 1)
                worker.weight = weight
                return worker
            }
            snapshot = Snapshot(
                version: SnapshotVersion(epoch: Samples.epoch, sequence: 1),
                workers: workers,
                policy: PolicyConfiguration(name: name, parameters: parameters),
                models: [ModelConfiguration(model: "m", policy: PolicyConfiguration(name: .random))]
            )
            table = try compiler.compile(
                snapshot,
                digest: SnapshotDigest(of: []),
                observed: [],
                addresses: Samples.addresses(workers)
            )
        }

        func tell(_ tokens: [Int?], age: Int = 0) {
            let told = zip(snapshot.workers, tokens).compactMap { worker, tokens in
                tokens.map {
                    WorkerLoad(
                        incarnation: worker.incarnation,
                        tokens: $0,
                        ageMilliseconds: age,
                        freshMilliseconds: 3_000
                    )
                }
            }
            compiler.note(told, at: now)
        }

        func pick() -> Int? {
            var facts = RoutingFacts()
            let filter = WorkerFilter(loads: shared.loads, now: now, tried: [])
            let ready = Array(table.workers.indices)
            return table.pools[0].policy.pick(from: ready, of: table.workers, filter, &facts, using: &random)
        }

        func picks() -> Set<Int?> { Set((0..<20).map { _ in pick() }) }

        func state(silentPeers: Int = 0) -> PolicyReport? {
            table.policyReports(shared, silentPeers: silentPeers, at: now).first { $0.model == nil }
        }
    }

    @Test("What workers tell wins over the requests in flight, while both have told it lately")
    func told() throws {
        let bench = try Bench(.powerOfTwo)
        bench.shared.loads.increment(slot: 0)
        #expect(bench.picks() == [1])
        bench.tell([900, 40_000])
        #expect(bench.picks() == [0])
        bench.now = bench.now.adding(milliseconds: 2_999)
        #expect(bench.picks() == [0])
        bench.now = bench.now.adding(milliseconds: 1)
        #expect(bench.picks() == [1], "a load that is too old is not used")
    }

    @Test("The age that a load came with counts")
    func age() throws {
        let bench = try Bench(.powerOfTwo)
        bench.shared.loads.increment(slot: 0)
        bench.tell([900, 40_000], age: 3_000)
        #expect(bench.picks() == [1])
        bench.tell([900, nil])
        #expect(bench.picks() == [1], "one that has told is not compared with one that has not")
    }

    @Test("A heavier worker may have more")
    func weights() throws {
        let bench = try Bench(.powerOfTwo, weights: [1, 4])
        bench.tell([1_000, 3_900])
        #expect(bench.picks() == [1])
        bench.tell([1_000, 4_100])
        #expect(bench.picks() == [0])
    }

    @Test("Requests between two answers do not all go where there was least at the first")
    func untold() throws {
        let bench = try Bench(.powerOfTwo)
        for _ in 0..<10 { bench.shared.loads.increment(slot: 1) }
        bench.tell([0, 10_000])
        var counts = [0, 0]
        for _ in 0..<40 {
            let picked = try #require(bench.pick())
            counts[picked] += 1
            bench.shared.loads.increment(slot: picked)
        }
        // Half of the difference, in requests of 512 and 1,000 tokens, and then in turns.
        #expect(counts[0] >= 20 && counts[1] >= 5, "\(counts)")
        for _ in 0..<counts[0] { bench.shared.loads.decrement(slot: 0) }
        #expect(bench.shared.loads.toldTokens(slot: 0, at: bench.now) == 0)
    }

    @Test("power_of_two says which loads it misses, and is well again when they come")
    func powerOfTwoState() throws {
        let bench = try Bench(.powerOfTwo)
        #expect(bench.state()?.state == .degraded)
        bench.tell([5, nil])
        let reason = try #require(bench.state()?.reason)
        #expect(reason.hasPrefix("1 of 2 ready workers tell no load on /get_load"))
        bench.tell([5, 6])
        #expect(bench.state() == PolicyReport(model: nil, policy: .powerOfTwo, state: .ok))
        #expect(bench.state(silentPeers: 1)?.state == .degraded)
        bench.now = bench.now.adding(milliseconds: 3_000)
        #expect(bench.state()?.state == .degraded)
    }

    @Test(
        "Policies that look at loads miss data planes that are not heard; the others do not",
        arguments: PolicyName.allCases
    )
    func silentPeers(name: PolicyName) throws {
        let bench = try Bench(name)
        bench.tell([1, 1])
        #expect(bench.state()?.state == .ok)
        let looksAtLoads = ![.random, .roundRobin, .manual, .consistentHashing, .bucket].contains(name)
        #expect(bench.state(silentPeers: 2)?.state == (looksAtLoads ? .degraded : .ok))
    }

    @Test(
        "manual says when data planes give new keys their workers without knowing of one another's",
        arguments: [0.0, 1, 2]
    )
    func manual(mode: Double) throws {
        let bench = try Bench(.manual, parameters: ["assignment_mode": mode])
        #expect(bench.state()?.state == .ok)
        bench.shared.loads.setPeers(heard: 1, silent: 0)
        let report = try #require(bench.state())
        #expect(report.state == (mode == 0 ? .ok : .degraded))
        #expect(mode == 0 || report.reason?.contains("1 other data plane") == true, "\(report)")
        bench.shared.loads.setPeers(heard: 0, silent: 0)
        #expect(bench.state()?.state == .ok)
        #expect(bench.state(silentPeers: 1)?.state == (mode == 0 ? .ok : .degraded))
    }

    @Test("Degraded policies are told first")
    func order() throws {
        let bench = try Bench(.powerOfTwo)
        let reports = bench.table.policyReports(bench.shared, silentPeers: 0, at: bench.now)
        #expect(reports.map(\.model) == [nil, "m"] && reports.map(\.state) == [.degraded, .ok])
        #expect(RoutingTable.empty.policyReports(bench.shared, silentPeers: 0, at: bench.now).isEmpty)
    }

    @Test("A slot that gets another worker has told nothing")
    func forgotten() throws {
        let bench = try Bench(.powerOfTwo)
        bench.tell([5, 6])
        bench.shared.loads.forgetRate(slot: 0)
        #expect(!bench.shared.loads.isTold(slot: 0, at: bench.now))
    }
}
