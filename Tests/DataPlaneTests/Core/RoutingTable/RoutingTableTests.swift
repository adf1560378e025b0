import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct RoutingTableTests {
    private let addresses = [
        "worker-1": [Samples.address(1)], "worker-2": [Samples.address(2)], "worker-3": [Samples.address(3)],
    ]

    private func compile(
        _ workers: [SnapshotWorker],
        health: HealthMessage? = nil,
        compiler: inout RoutingTableCompiler
    ) throws -> RoutingTable {
        let version = SnapshotVersion(epoch: Samples.epoch, sequence: 1)
        return try compiler.compile(
            Snapshot(version: version, workers: workers),
            digest: SnapshotDigest(of: []),
            observed: health?.workers ?? [],
            addresses: addresses
        )
    }

    @Test("Intent comes before observation, observation before the past")
    func availability() throws {
        var draining = Samples.worker(1)
        draining.intent = .draining
        var unprobed = Samples.worker(2, wasReady: false)
        unprobed.healthCheck = false
        for (worker, observed, expected) in [
            (draining, ObservedState.ready, WorkerAvailability.draining), (unprobed, .unhealthy, .ready),
            (Samples.worker(3, wasReady: false), .ready, .ready), (Samples.worker(3), .unhealthy, .unhealthy),
            (Samples.worker(3), nil, .ready), (Samples.worker(3, wasReady: false), nil, .pending),
        ] as [(SnapshotWorker, ObservedState?, WorkerAvailability)] {
            #expect(WorkerAvailability(of: worker, observed: observed, isResolved: true) == expected)
        }
        #expect(WorkerAvailability(of: Samples.worker(1), observed: .ready, isResolved: false) == .pending)
    }

    @Test("What is kept for a model goes with its last worker, and no two models share a number")
    func forgottenModels() throws {
        var compiler = RoutingTableCompiler(SharedState(slotsMax: 8))
        for round in 1...5 {
            let workers = [Samples.worker(1, models: ["stays"]), Samples.worker(2, models: ["model-\(round)"])]
            _ = try compile(workers, compiler: &compiler)
            let version = SnapshotVersion(epoch: Samples.epoch, sequence: 1)
            compiler.retire(allBut: Snapshot(version: version, workers: workers))
            #expect(Set(compiler.memories.keys).subtracting([""]) == ["stays", "model-\(round)"])
            let numbers = compiler.memories.values.map(\.cacheGroup.number)
            #expect(Set(numbers).count == numbers.count && numbers.allSatisfy { $0 < 4 })
        }
    }

    @Test(
        "A cache holds what its worker says, else what is usual, and what an operator says holds for all",
        arguments: [([:], 1_300_000), (["cache_tokens": 100_000], 200_000)] as [([String: Double], Int)]
    )
    func cacheTokens(parameters: [String: Double], tokens: Int) throws {
        var workers = [Samples.worker(1), Samples.worker(2)]
        workers[0].cacheTokens = 300_000
        var compiler = RoutingTableCompiler(SharedState(slotsMax: 8))
        var snapshot = Snapshot(version: SnapshotVersion(epoch: Samples.epoch, sequence: 1), workers: workers)
        snapshot.policy = PolicyConfiguration(name: .kvCost, parameters: parameters)
        let table = try compiler.compile(
            snapshot,
            digest: SnapshotDigest(of: []),
            observed: [],
            addresses: addresses
        )
        // Four bytes of text are a token at first.
        #expect(table.pools[0].cacheGroup.freshBlocks == tokens * 4 / BlockHasher.blockBytes)
    }

    @Test("A second model takes nothing from the first of what is known of its requests", arguments: [true, false])
    func secondModel(isNamed: Bool) throws {
        let shared = SharedState(slotsMax: 8)
        var compiler = RoutingTableCompiler(shared)
        var table = try compile([Samples.worker(1, models: ["a"])], compiler: &compiler)
        let hashes = (1...20).map(UInt64.init)
        let lane = try #require(table.workers[0].lane)
        shared.prefixIndex.insert(hashes, lane: lane, table.pools[0].cacheGroup)
        let keys = compiler.memories[""]?.stickyKeys
        if isNamed {
            table = try compile(
                [Samples.worker(1, models: ["a"]), Samples.worker(2, models: ["b"])],
                compiler: &compiler
            )
        } else {
            // It gets settings of its own.
            let snapshot = Snapshot(
                version: SnapshotVersion(epoch: Samples.epoch, sequence: 2),
                workers: [Samples.worker(1, models: ["a"])],
                models: [ModelConfiguration(model: "a", timeouts: ModelTimeouts())]
            )
            table = try compiler.compile(
                snapshot,
                digest: SnapshotDigest(of: []),
                observed: [],
                addresses: addresses
            )
        }
        let pool = try #require(table.pool(forModel: Array("a".utf8)))
        #expect(pool != 0 && compiler.memories["a"]?.stickyKeys === keys)
        var depths = [Int](repeating: 0, count: LaneSet.lanesMax)
        shared.prefixIndex.match(hashes, into: &depths, table.pools[pool].cacheGroup)
        #expect(depths[lane] == 20)
        if isNamed { #expect(compiler.memories["b"].map { $0.stickyKeys !== keys } == true) }
    }

    @Test("Trees are forgotten when no policy looks at them any more")
    func unusedTrees() throws {
        var compiler = RoutingTableCompiler(SharedState(slotsMax: 8))
        func compiled(_ policy: PolicyName) throws -> RoutingTable {
            let snapshot = Snapshot(
                version: SnapshotVersion(epoch: Samples.epoch, sequence: 1),
                workers: [Samples.worker(1)],
                policy: PolicyConfiguration(name: policy)
            )
            return try compiler.compile(snapshot, digest: SnapshotDigest(of: []), observed: [], addresses: addresses)
        }
        let table = try compiled(.cacheAware)
        var facts = RoutingFacts()
        facts.text = Array("some text".utf8)
        _ = table.pools[0].policy.placed(
            table.workers[0],
            facts,
            PlacementOutbox(),
            at: MonotonicTime(milliseconds: 1)
        )
        #expect(try compiled(.cacheAware).treeSizes().values.reduce(0, +) == 9)
        _ = try compiled(.kvCost)
        #expect(try compiled(.cacheAware).treeSizes().isEmpty)
    }

    @Test("A worker that asked to be left alone is asked nevertheless once probes find the last other one unhealthy")
    func endedRest() throws {
        let shared = SharedState(slotsMax: 8)
        var compiler = RoutingTableCompiler(shared)
        let workers = [Samples.worker(1), Samples.worker(2)]
        let table = try compile(workers, compiler: &compiler)
        let slots = table.workers.map(\.lease.slot)
        let now = MonotonicTime(milliseconds: 1_000)
        shared.breakers.rest(slot: slots[0], milliseconds: 20_000, at: now, BreakerSettings(), pools: [slots])
        _ = try compile(workers, compiler: &compiler)
        #expect(!shared.loads.gate(slot: slots[0]).admits(at: now))
        let unhealthy = WorkerObservation(
            incarnation: workers[1].incarnation,
            state: .unhealthy,
            since: "",
            reason: "It does not answer."
        )
        var generator = SystemRandomNumberGenerator()
        let health = HealthMessage(run: .random(using: &generator), tick: 1, workers: [unhealthy])
        _ = try compile(workers, health: health, compiler: &compiler)
        #expect(shared.loads.gate(slot: slots[0]).admits(at: now))
    }

    @Test("What is kept for a model with a policy of its own stays, although no worker names it")
    func keptAlias() throws {
        var compiler = RoutingTableCompiler(SharedState(slotsMax: 8))
        let snapshot = Snapshot(
            version: SnapshotVersion(epoch: Samples.epoch, sequence: 1),
            workers: [Samples.worker(1, models: ["served"])],
            models: [ModelConfiguration(model: "alias", policy: PolicyConfiguration(name: .manual))]
        )
        _ = try compiler.compile(snapshot, digest: SnapshotDigest(of: []), observed: [], addresses: addresses)
        compiler.retire(allBut: snapshot)
        #expect(compiler.memories["alias"] != nil)
    }

    @Test(
        "A model that was served beside others has no worker where none names it, whatever the others serve",
        arguments: [false, true]
    )
    func knownModels(isDraining: Bool) throws {
        var compiler = RoutingTableCompiler(SharedState(slotsMax: 8))
        var last = Samples.worker(3, models: ["gone"])
        last.intent = .draining
        let others = [Samples.worker(1, models: ["stays"]), Samples.worker(2, models: ["stays"])]
        let snapshot = Snapshot(
            version: SnapshotVersion(epoch: Samples.epoch, sequence: 1),
            workers: others + (isDraining ? [last] : []),
            models: [
                ModelConfiguration(model: "gone", wasServed: true), ModelConfiguration(model: "stays", wasServed: true),
            ]
        )
        let table = try compiler.compile(
            snapshot,
            digest: SnapshotDigest(of: []),
            observed: [],
            addresses: addresses
        )
        let gone = try #require(table.pool(forModel: Array("gone".utf8)))
        #expect(table.pools[gone].ready.isEmpty && !table.pools[gone].hasPending && !table.pools[gone].hasUnhealthy)
        #expect(table.pools.count == 2, "what all serve is as any other name")
        for name in ["stays", "any name"] { #expect(table.pool(forModel: Array(name.utf8)) == 0) }
        #expect(table.pool(forModel: nil) == 0 && table.pools[0].ready == [0, 1])
        if !isDraining { #expect(Set(compiler.memories.keys) == [""], "nothing is kept where nothing is picked") }
    }

    @Test("With one set of models every request goes to every worker")
    func oneModel() throws {
        var compiler = RoutingTableCompiler(SharedState(slotsMax: 8))
        let table = try compile(
            [Samples.worker(1, models: ["m"]), Samples.worker(2, models: ["m"])],
            compiler: &compiler
        )
        #expect(!table.routesByModel)
        #expect(table.pool(forModel: Array("other".utf8)) == 0)
    }

    @Test("A model's own time limits do not take its requests away from the workers that served them before")
    func modelWithLimits() throws {
        var compiler = RoutingTableCompiler(SharedState(slotsMax: 8))
        var timeouts = ModelTimeouts()
        timeouts.queueMilliseconds = 5
        let snapshot = Snapshot(
            version: SnapshotVersion(epoch: Samples.epoch, sequence: 1),
            workers: [Samples.worker(1, models: ["served"])],
            models: [ModelConfiguration(model: "alias", timeouts: timeouts)]
        )
        let table = try compiler.compile(
            snapshot,
            digest: SnapshotDigest(of: []),
            observed: [],
            addresses: addresses
        )
        let pool = try #require(table.pool(forModel: Array("alias".utf8)))
        #expect(table.pools[pool].ready == [0])
        #expect(table.pools[pool].timeouts.queueMilliseconds == 5)
        #expect(table.pool(forModel: Array("other".utf8)) == 0)
    }

    @Test("With different models each request goes to workers of its model, and an unknown model nowhere")
    func severalModels() throws {
        var compiler = RoutingTableCompiler(SharedState(slotsMax: 8))
        let table = try compile(
            [Samples.worker(1, models: ["a"]), Samples.worker(2, models: ["b"]), Samples.worker(3)],
            compiler: &compiler
        )
        let poolA = try #require(table.pool(forModel: Array("a".utf8)))
        #expect(table.pools[poolA].ready == [0, 2])
        #expect(table.pool(forModel: Array("c".utf8)) == nil)
        #expect(table.pool(forModel: nil) == 0)
    }

    @Test("The model list is the union of the ready workers' cards, byte for byte")
    func modelsBody() throws {
        var compiler = RoutingTableCompiler(SharedState(slotsMax: 8))
        let table = try compile(
            [
                Samples.worker(1, models: ["a"]), Samples.worker(2, models: ["a", "b"]),
                Samples.worker(3, models: ["c"], wasReady: false),
            ],
            compiler: &compiler
        )
        #expect(
            table.modelsBody
                == #"{"object":"list","data":[{"id":"a","max_model_len":1},{"id":"b","max_model_len":2}]}"#
        )
    }

    @Test("A slot is not given to another worker while requests are in flight on it")
    func slots() throws {
        let shared = SharedState(slotsMax: 8)
        let loads = shared.loads
        var compiler = RoutingTableCompiler(shared)
        let first = try compile([Samples.worker(1)], compiler: &compiler)
        let slot = first.workers[0].lease.slot
        loads.increment(slot: slot)
        let none = Snapshot(version: SnapshotVersion(epoch: Samples.epoch, sequence: 2))
        compiler.retire(allBut: none)
        let second = try compile([Samples.worker(2)], compiler: &compiler)
        #expect(second.workers[0].lease.slot != slot)
        loads.decrement(slot: slot)
        compiler.retire(allBut: none)
        let third = try compile([Samples.worker(3)], compiler: &compiler)
        #expect([slot, second.workers[0].lease.slot].contains(third.workers[0].lease.slot))
        #expect(third.workers[0].lease.token > second.workers[0].lease.token)
    }

    @Test("More workers than slots are refused, not counted in a wrong place")
    func tooManyWorkers() {
        var compiler = RoutingTableCompiler(SharedState(slotsMax: 1))
        #expect(throws: SnapshotRejection.self) {
            try compile([Samples.worker(1), Samples.worker(2)], compiler: &compiler)
        }
    }
}
