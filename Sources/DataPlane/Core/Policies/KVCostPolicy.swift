/// The worker where the request costs the fleet least: the prefill work that waits there, and the request's own work that the
/// worker's cache does not save, which counts more the longer queues are, because everybody behind pays for it.
struct KVCostPolicy: Sendable {
    /// How much the request's own work counts at least.
    static let ownWorkWeightMin = 2.0
    /// And at most.
    static let ownWorkWeightMax = 50.0
    /// Context in tokens at which attention has doubled the cost of a token.
    static let attentionTokens = 53_000.0
    /// Seconds of one decode step, and what each running request adds to it: a chunk of prefill waits for one step.
    static let decodeStepSeconds = 0.018
    static let decodePerRequestSeconds = 0.0001
    /// Tokens of one chunk of prefill.
    static let chunkTokens = 8192.0
    /// Prefill tokens per second of a worker that has not shown its own rate.
    static let standardRate = 8_000.0
    static let blockTokens = BlockHasher.blockBytes / 4

    let index: PrefixIndex
    let group: CacheGroup

    func pick(
        from ready: [Int],
        of workers: [RoutedWorker],
        _ filter: WorkerFilter,
        _ facts: inout RoutingFacts,
        using generator: inout some RandomNumberGenerator
    ) -> Int? {
        let loads = filter.loads
        index.match(facts.blocks, into: &facts.depths, group)
        var (pendingTokens, learned, weights) = (0.0, 0.0, 0.0)
        var learnedCount = 0
        for candidate in ready {
            let slot = workers[candidate].lease.slot
            weights += Double(workers[candidate].weight)
            let rate = loads.tokensPerSecond(slot: slot)
            if rate > 0 {
                learned += Double(rate) / Double(workers[candidate].weight)
                learnedCount += 1
            }
        }
        // One rate for all, times the weight of each: a worker that seems fast by chance must not draw everything.
        let commonRate = learnedCount == 0 ? KVCostPolicy.standardRate : learned / Double(learnedCount)
        for candidate in ready {
            let rate = commonRate * Double(workers[candidate].weight)
            pendingTokens += loads.remainingTokens(slot: workers[candidate].lease.slot, rate: rate, at: filter.now)
        }
        // Mean backlog in seconds.
        let backlog = pendingTokens / (commonRate * weights)
        let ownWorkWeight = min(KVCostPolicy.ownWorkWeightMax, KVCostPolicy.ownWorkWeightMin + backlog)
        var best: Int?
        var bestCost = Double.infinity
        var ties = 0
        for candidate in ready where filter.admits(workers[candidate]) {
            let worker = workers[candidate]
            let own = KVCostPolicy.work(facts, matchedBlocks: worker.lane.map { facts.depths[$0] } ?? 0)
            let running = Double(loads.fleetInFlight(slot: worker.lease.slot))
            let rate = commonRate * Double(worker.weight)
            let step = KVCostPolicy.decodeStepSeconds + KVCostPolicy.decodePerRequestSeconds * running
            let secondsPerToken = 1 / rate + step / KVCostPolicy.chunkTokens
            let waiting = loads.remainingTokens(slot: worker.lease.slot, rate: rate, at: filter.now)
            // Of workers without waiting work the one with fewer requests for its weight, so that decoding is spread, too.
            let cost = (waiting + ownWorkWeight * own) * secondsPerToken + running / Double(worker.weight) * 1e-6
            if cost < bestCost {
                (best, bestCost, ties) = (candidate, cost, 1)
            } else if cost == bestCost {
                ties += 1
                if Int.random(in: 0..<ties, using: &generator) == 0 { best = candidate }
            }
        }
        return best
    }

    /// Remembers what the worker was sent.
    ///
    /// - Returns: the prefill work that it has now more, in tokens of an empty context.
    func placed(_ worker: RoutedWorker, _ facts: RoutingFacts, _ outbox: PlacementOutbox) -> Int {
        let matched = worker.lane.map { facts.depths[$0] } ?? 0
        if let lane = worker.lane { index.insert(facts.blocks, lane: lane, group) }
        outbox.append(group: group.seed, worker: worker.fleetKey, blocks: facts.blocks)
        return Int(KVCostPolicy.work(facts, matchedBlocks: matched))
    }

    /// Tokens that are to be computed, each dearer the longer the context before it.
    static func work(_ facts: RoutingFacts, matchedBlocks: Int) -> Double {
        let tokens = Double(facts.tokens)
        let cached = min(Double(matchedBlocks * blockTokens), tokens - 1)
        let uncached = max(1, tokens - cached)
        return uncached * (1 + (cached + uncached / 2) / attentionTokens)
    }
}
