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
    /// The rule of `kv_cost` with exact caches and queues.
    case oracle
    /// All engines as one, with all their caches: a bound.
    case pooled
}

/// Sends a workload to engines through some data planes that clients pick at random.
struct Fleet {
    let workers: Int
    let dataPlanes: Int
    /// Time between two datagrams of a data plane to the others; nil: they tell one another nothing.
    let exchangeMilliseconds: Int?
    let seed: UInt64
    private static let subBlocks = Workload.blockTokens * 4 / BlockHasher.blockBytes

    func run(_ workload: Workload, _ router: Router) throws -> Outcome {
        switch router {
        case .policy(let configuration): try run(workload, configuration)
        case .oracle: oracle(workload)
        case .pooled: pooled(workload)
        }
    }

    private enum Event {
        case firstToken(plane: Int, PolicyDriver.Placement)
        case ended(plane: Int, PolicyDriver.Placement)
        case exchange
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

    private func run(_ workload: Workload, _ configuration: PolicyConfiguration) throws -> Outcome {
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
        var engines = [EngineModel](repeating: EngineModel(workload.engine), count: workers)
        var events = EventQueue<Event>()
        var outcome = Outcome(hitPercent: 0, ttft: [], backlogMax: 0)
        var (cached, total) = (0, 0)
        if let exchangeMilliseconds, dataPlanes > 1 { events.push(Double(exchangeMilliseconds) / 1000, .exchange) }
        for request in workload.requests {
            while let (time, event) = events.pop(before: request.arrival) {
                switch event {
                case .exchange:
                    Fleet.exchange(&drivers, peers, at: Int(time * 1000))
                    events.push(time + Double(exchangeMilliseconds ?? 0) / 1000, .exchange)
                case .firstToken(let plane, let placement): drivers[plane].firstToken(placement, at: Int(time * 1000))
                case .ended(let plane, let placement): drivers[plane].ended(placement)
                }
            }
            let plane = dice.below(dataPlanes)
            let (blocks, text) = Fleet.facts(request)
            let now = Int(request.arrival * 1000)
            guard
                let placement = drivers[plane].place(blocks: blocks, text: text, tokens: request.inputTokens, at: now)
            else { continue }
            let done = engines[placement.worker].submit(request, at: request.arrival)
            events.push(done.firstToken, .firstToken(plane: plane, placement))
            events.push(done.end, .ended(plane: plane, placement))
            outcome.ttft.append(done.firstToken - request.arrival)
            outcome.backlogMax = max(outcome.backlogMax, engines[placement.worker].backlog(at: request.arrival))
            cached += done.cached
            total += request.inputTokens
        }
        outcome.hitPercent = 100 * Double(cached) / Double(max(1, total))
        return outcome
    }

    private func oracle(_ workload: Workload) -> Outcome {
        var engines = [EngineModel](repeating: EngineModel(workload.engine), count: workers)
        var outcome = Outcome(hitPercent: 0, ttft: [], backlogMax: 0)
        var (cached, total) = (0, 0)
        for request in workload.requests {
            let backlogs = engines.map { $0.backlog(at: request.arrival) }
            let weight = min(50, 2 + backlogs.reduce(0, +) / Double(workers))
            let costs = engines.indices.map { index in
                let hit = min(engines[index].matched(request) * Workload.blockTokens, request.inputTokens - 1)
                let work = workload.engine.work(uncached: Double(request.inputTokens - hit), context: Double(hit))
                return backlogs[index] + weight * work / workload.engine.prefillRate
            }
            let best = costs.indices.min { costs[$0] < costs[$1] } ?? 0
            let done = engines[best].submit(request, at: request.arrival)
            outcome.ttft.append(done.firstToken - request.arrival)
            outcome.backlogMax = max(outcome.backlogMax, engines[best].backlog(at: request.arrival))
            cached += done.cached
            total += request.inputTokens
        }
        outcome.hitPercent = 100 * Double(cached) / Double(max(1, total))
        return outcome
    }

    private func pooled(_ workload: Workload) -> Outcome {
        var parameters = workload.engine
        parameters.prefillRate *= Double(workers)
        parameters.cacheTokens *= workers
        parameters.chunkTokens *= Double(workers)
        parameters.stepPerSequence /= Double(workers)
        parameters.stepPerToken /= Double(workers)
        var engine = EngineModel(parameters)
        var outcome = Outcome(hitPercent: 0, ttft: [], backlogMax: 0)
        var (cached, total) = (0, 0)
        for request in workload.requests {
            let done = engine.submit(request, at: request.arrival)
            outcome.ttft.append(done.firstToken - request.arrival)
            outcome.backlogMax = max(outcome.backlogMax, engine.backlog(at: request.arrival))
            cached += done.cached
            total += request.inputTokens
        }
        outcome.hitPercent = 100 * Double(cached) / Double(max(1, total))
        return outcome
    }

    /// The hashes of the blocks as the data plane has them, and eight bytes for each block where a policy wants text.
    private static func facts(_ request: TraceRequest) -> (blocks: [UInt64], text: [UInt8]) {
        var hashes: [UInt64] = []
        var text: [UInt8] = []
        var chain: UInt64 = 7
        let wanted = request.inputTokens * 4 / BlockHasher.blockBytes
        for block in request.blocks {
            for part in 0..<subBlocks where hashes.count < wanted {
                var dice = Dice(seed: chain ^ UInt64(bitPattern: Int64(block)) &* 31 &+ UInt64(part))
                chain = dice.next()
                hashes.append(chain)
            }
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

/// Events by their time: a binary heap.
struct EventQueue<Event> {
    private var heap: [(time: Double, event: Event)] = []

    mutating func push(_ time: Double, _ event: Event) {
        heap.append((time, event))
        var index = heap.count - 1
        while index > 0, heap[index].time < heap[(index - 1) / 2].time {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    /// The first event, if it comes before `limit`.
    mutating func pop(before limit: Double) -> (Double, Event)? {
        guard let first = heap.first, first.time <= limit else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            var index = 0
            while true {
                var least = index
                for child in [2 * index + 1, 2 * index + 2]
                where child < heap.count && heap[child].time < heap[least].time {
                    least = child
                }
                if least == index { break }
                heap.swapAt(index, least)
                index = least
            }
        }
        return (first.time, first.event)
    }
}
