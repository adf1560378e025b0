import DataPlaneCore
import SignalboxProtocol

/// What a run came to.
struct Outcome {
    var hitPercent: Double
    var ttft: [Double]
    /// The longest prefill backlog of an engine, in seconds.
    var backlogMax: Double

    var mean: Double { ttft.reduce(0, +) / Double(max(1, ttft.count)) }

    func percentile(_ share: Double) -> Double {
        let sorted = ttft.sorted()
        return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
    }
}

/// Who chooses the engine.
enum Router {
    /// A policy of the data plane, one copy for each data plane.
    case policy(PolicyConfiguration)
    /// The same, and the data planes hear nothing of one another; they know that or do not.
    case deaf(PolicyConfiguration, knowing: Bool)
    /// The rule of `kv_cost` with exact caches and queues.
    case oracle
    /// All engines share one cache of all their sizes, and each request goes to the shortest queue: a bound.
    case pooled
}

/// Sends a workload to engines through some data planes that clients pick at random.
struct Fleet {
    let workers: Int
    let dataPlanes: Int
    /// Time between two datagrams of a data plane to the others; nil: they tell one another nothing.
    let exchangeMilliseconds: Int?
    let seed: UInt64
    /// How many of the workers are slower than the others, and how fast they are, as a share.
    var slowWorkers = 0
    var slowFactor = 1.0
    private static let subBlocks = Workload.blockTokens * 4 / BlockHasher.blockBytes

    func run(_ workload: Workload, _ router: Router) throws -> Outcome {
        switch router {
        case .policy(let configuration): try run(workload, configuration)
        case .deaf(let configuration, let knowing):
            try Fleet(
                workers: workers,
                dataPlanes: dataPlanes,
                exchangeMilliseconds: nil,
                seed: seed,
                slowWorkers: slowWorkers,
                slowFactor: slowFactor
            ).run(workload, configuration, silentPeers: knowing ? dataPlanes - 1 : 0)
        case .oracle: oracle(workload)
        case .pooled: pooled(workload)
        }
    }

    /// What all workers can do, in workers of full speed.
    var capacity: Double { Double(workers - slowWorkers) + Double(slowWorkers) * slowFactor }

    private func engines(_ workload: Workload) -> [EngineModel] {
        (0..<workers).map { number in
            EngineModel(number < workers - slowWorkers ? workload.engine : workload.engine.times(slowFactor))
        }
    }

    /// Every data plane tells all others what it has.
    private static func exchange(_ drivers: inout [PolicyDriver], _ peers: [PeerID], at milliseconds: Int) {
        let told = drivers.indices.map { plane in
            drivers[plane].tell(peers.indices.filter { $0 != plane }.map { peers[$0] }, at: milliseconds)
        }
        for plane in drivers.indices {
            for sender in told.indices where sender != plane {
                for datagram in told[sender] { drivers[plane].hear(datagram, at: milliseconds) }
            }
        }
    }

    private func run(
        _ workload: Workload,
        _ configuration: PolicyConfiguration,
        silentPeers: Int = 0
    ) throws -> Outcome {
        var configuration = configuration
        if configuration.name == .kvCost, configuration.parameters["cache_tokens"] == nil {
            // Workers tell it.
            configuration.parameters["cache_tokens"] = Double(workload.engine.cacheTokens)
        }
        var dice = Dice(seed: seed)
        let members = try Fleet.snapshotWorkers(workers, &dice)
        let epoch = try Fleet.epoch(&dice)
        var generator = Generator(dice: dice)
        let peers = (0..<dataPlanes).map { _ in PeerID.random(using: &generator) }
        dice = generator.dice
        var drivers = try (0..<dataPlanes).map { plane in
            try PolicyDriver(
                configuration,
                peer: peers[plane],
                workers: members,
                epoch: epoch,
                prefixIndexBytes: 64 << 20,
                seed: seed &+ UInt64(plane)
            )
        }
        for driver in drivers { driver.setPeers(heard: 0, silent: silentPeers) }
        var engines = Engines(engines(workload), workload)
        var placements: [(plane: Int, PolicyDriver.Placement)?] = []
        placements.reserveCapacity(workload.requests.count)
        let interval = exchangeMilliseconds.map { Double($0) / 1000 }
        var exchangeAt = dataPlanes > 1 ? interval ?? .infinity : .infinity
        func handle(until limit: Double) {
            while true {
                if exchangeAt <= limit, exchangeAt <= engines.nextEvent {
                    Fleet.exchange(&drivers, peers, at: Int(exchangeAt * 1000))
                    exchangeAt += interval ?? .infinity
                } else if let (time, request, event) = engines.takeEvent(until: limit) {
                    guard let (plane, placement) = placements[request] else { continue }
                    switch event {
                    case .firstToken: drivers[plane].firstToken(placement, at: Int(time * 1000))
                    case .ended: drivers[plane].ended(placement)
                    }
                } else {
                    return
                }
            }
        }
        for (number, request) in workload.requests.enumerated() {
            handle(until: request.arrival)
            let plane = dice.below(dataPlanes)
            let (blocks, text) = Fleet.facts(request, of: configuration.name)
            let now = Int(request.arrival * 1000)
            let placement = drivers[plane].place(blocks: blocks, text: text, tokens: request.inputTokens, at: now)
            placements.append(placement.map { (plane, $0) })
            if let placement { engines.submit(number, to: placement.worker) }
        }
        return engines.outcome()
    }

    private func oracle(_ workload: Workload) -> Outcome {
        var engines = Engines(engines(workload), workload)
        for (number, request) in workload.requests.enumerated() {
            while engines.takeEvent(until: request.arrival) != nil {}
            let models = engines.models
            let backlogs = models.map(\.backlog)
            let weight = min(50, 2 + backlogs.reduce(0, +) / Double(workers))
            let costs = models.indices.map { index in
                let hit = min(models[index].matched(request) * Workload.blockTokens, request.inputTokens - 1)
                let work = workload.engine.work(uncached: Double(request.inputTokens - hit), context: Double(hit))
                return backlogs[index] + weight * work / models[index].parameters.prefillRate
            }
            engines.submit(number, to: costs.indices.min { costs[$0] < costs[$1] } ?? 0)
        }
        return engines.outcome()
    }

    private func pooled(_ workload: Workload) -> Outcome {
        let cache = BlockCache(blocksMax: workload.engine.cacheTokens * workers / Workload.blockTokens)
        let models = engines(workload).map { EngineModel($0.parameters, cache: cache) }
        var engines = Engines(models, workload)
        for number in workload.requests.indices {
            while engines.takeEvent(until: workload.requests[number].arrival) != nil {}
            let models = engines.models
            let best = models.indices.min {
                (models[$0].backlog, models[$0].inFlight) < (models[$1].backlog, models[$1].inFlight)
            }
            engines.submit(number, to: best ?? 0)
        }
        return engines.outcome()
    }

    /// The hashes of the blocks as the data plane has them, and eight bytes for each block where a policy wants text; for
    /// `prefix_hash`, which looks at less than a block, those of the first alone.
    private static func facts(_ request: TraceRequest, of policy: PolicyName) -> (blocks: [UInt64], text: [UInt8]) {
        var hashes: [UInt64] = []
        var text: [UInt8] = []
        var chain: UInt64 = 7
        let wanted = request.inputTokens * 4 / BlockHasher.blockBytes
        for (position, block) in request.blocks.enumerated() {
            for part in 0..<subBlocks where hashes.count < wanted {
                var dice = Dice(seed: chain ^ UInt64(bitPattern: Int64(block)) &* 31 &+ UInt64(part))
                chain = dice.next()
                hashes.append(chain)
            }
            guard policy != .prefixHash || position == 0 else { continue }
            var number = block
            for _ in 0..<8 {
                text.append(0x30 + UInt8(number & 0x3F))
                number >>= 6
            }
        }
        return (hashes, text)
    }

    private static func snapshotWorkers(_ count: Int, _ dice: inout Dice) throws -> [SnapshotWorker] {
        try (0..<count).map { index in
            var generator = Generator(dice: dice)
            defer { dice = generator.dice }
            return SnapshotWorker(
                id: WorkerID.random(using: &generator),
                incarnation: IncarnationID.random(using: &generator),
                url: try WorkerURL("http://10.0.0.\(index + 1):8000").description,
                wasReady: true
            )
        }
    }

    private static func epoch(_ dice: inout Dice) throws -> Epoch {
        var generator = Generator(dice: dice)
        defer { dice = generator.dice }
        return Epoch.random(using: &generator)
    }
}

private struct Generator: RandomNumberGenerator {
    var dice: Dice

    mutating func next() -> UInt64 { dice.next() }
}
