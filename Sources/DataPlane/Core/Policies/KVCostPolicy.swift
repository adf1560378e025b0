import SignalboxProtocol

/// The worker where the request costs the fleet least: the prefill work that waits there, and the request's own work that the
/// worker's cache does not save, which counts more the longer queues are, because everybody behind pays for it.
struct KVCostPolicy: Sendable {
    /// How much the request's own work counts at least.
    static let ownWorkWeightMin = 2.0
    /// And at most.
    static let ownWorkWeightMax = 200.0
    /// How much more it counts where caches are as full as can be (``CacheGroup/lateReuse``): what comes into one drives out what
    /// would have been used again.
    static let lateReuseWeight = 12.0
    /// How much more for the square of the mean backlog in seconds: in overload the work that is saved counts most.
    static let backlogSquareWeight = 0.2
    /// Context in tokens at which attention has doubled the cost of a token.
    static let attentionTokens = 53_000.0
    /// Seconds of one decode step, and what each running request adds to it: a chunk of prefill waits for one step.
    static let decodeStepSeconds = 0.018
    static let decodePerRequestSeconds = 0.0001
    /// Tokens of an answer: as many steps of all others a request makes slower.
    static let answerTokens = 200.0
    /// Tokens of one chunk of prefill.
    static let chunkTokens = 8192.0
    /// Prefill tokens per second of a worker that has not shown its own rate.
    static let standardRate = 8_000.0

    let index: PrefixIndex
    let group: CacheGroup
    let popularity: BlockPopularity
    /// Workers of the pool that are ready.
    let readyCount: Int

    func pick(
        from ready: [Int],
        of workers: [RoutedWorker],
        _ filter: WorkerFilter,
        _ facts: inout RoutingFacts,
        using generator: inout some RandomNumberGenerator
    ) -> Int? {
        index.match(facts.blocks, into: &facts.depths, group)
        facts.drawn = nil
        let scale = scale(ready, of: workers, filter)
        let factor = filter.loads.unheardFactor
        if factor > 1, let telling = popularity.telling(facts.blocks, workers: readyCount) {
            let key = facts.blocks[telling]
            return pickAlone(key, factor: Double(factor), from: ready, of: workers, scale, filter, &facts)
        }
        var best: Int?
        var bestCost = Double.infinity
        var ties = 0
        for candidate in ready where filter.admits(workers[candidate]) {
            let cost = cost(workers[candidate], scale, filter, facts)
            if cost < bestCost {
                (best, bestCost, ties) = (candidate, cost, 1)
            } else if cost == bestCost {
                ties += 1
                if Int.random(in: 0..<ties, using: &generator) == 0 { best = candidate }
            }
        }
        let isMatch = best.flatMap { workers[$0].lane }.map { facts.depths[$0] > 0 } ?? false
        facts.reason = isMatch ? .prefix : facts.blocks.isEmpty ? .load : .miss
        return best
    }

    /// Most other data planes are not heard: what they sent where is unknown, but not where they would send it. The block that
    /// tells this text from most others has two workers by rendezvous, the same for all; of them the cheaper is picked, as far
    /// as is known here, with as many times the load as data planes are not heard.
    private func pickAlone(
        _ key: UInt64,
        factor: Double,
        from ready: [Int],
        of workers: [RoutedWorker],
        _ scale: Scale,
        _ filter: WorkerFilter,
        _ facts: inout RoutingFacts
    ) -> Int? {
        var (home, second): (Int?, Int?)
        var (homeTime, secondTime) = (Double.infinity, Double.infinity)
        for candidate in ready where filter.admits(workers[candidate]) {
            let worker = workers[candidate]
            let (time, isBelow) = Rendezvous.time(key, worker.urlKey, Double(worker.weight), below: secondTime)
            guard isBelow else { continue }
            if time < homeTime {
                (second, secondTime) = (home, homeTime)
                (home, homeTime) = (candidate, time)
            } else {
                (second, secondTime) = (candidate, time)
            }
        }
        facts.reason = .rendezvous
        guard let home else { return nil }
        let ownWeight = KVCostPolicy.ownWorkWeight(
            backlogSeconds: scale.backlogSeconds * factor,
            lateReuse: group.lateReuse
        )
        func cost(_ index: Int) -> Double {
            let worker = workers[index]
            let rate = scale.rate * Double(worker.weight)
            let waiting = filter.loads.remainingTokens(slot: worker.lease.slot, rate: rate, at: filter.now)
            let matched = if let lane = worker.lane { facts.depths[lane] } else { 0 }
            return (waiting * factor + ownWeight * KVCostPolicy.work(facts, matchedBlocks: matched)) / rate
        }
        let first = RoutingFacts.Drawn(index: home, cost: cost(home))
        let other = second.map { RoutingFacts.Drawn(index: $0, cost: cost($0)) }
        facts.drawn = (first, other)
        guard let other, other.cost < first.cost else { return home }
        return other.index
    }

    /// What holds for all workers of a pool at one moment.
    struct Scale {
        /// Prefill tokens per second of a worker of weight 1.
        var rate: Double
        /// Of the pool's workers: weights are relative to one another.
        var meanWeight: Double
        /// Mean time that the work that waits takes.
        var backlogSeconds: Double
        /// How much the request's own work counts.
        var ownWorkWeight: Double
    }

    func scale(_ ready: [Int], of workers: [RoutedWorker], _ filter: WorkerFilter) -> Scale {
        let loads = filter.loads
        var (pendingTokens, weights) = (0.0, 0.0)
        var (learned, learnedWeights) = (0.0, 0.0)
        for candidate in ready {
            let weight = Double(workers[candidate].weight)
            weights += weight
            let rate = loads.tokensPerSecond(slot: workers[candidate].lease.slot)
            if rate > 0 {
                learned += Double(rate)
                learnedWeights += weight
            }
        }
        // One rate for all, times the weight of each: a worker that seems fast by chance must not draw everything.
        let meanWeight = max(1, weights) / Double(max(1, ready.count))
        let commonRate = learnedWeights == 0 ? KVCostPolicy.standardRate / meanWeight : learned / learnedWeights
        for candidate in ready {
            let rate = commonRate * Double(workers[candidate].weight)
            pendingTokens += loads.remainingTokens(slot: workers[candidate].lease.slot, rate: rate, at: filter.now)
        }
        let backlogSeconds = pendingTokens / (commonRate * weights)
        return Scale(
            rate: commonRate,
            meanWeight: meanWeight,
            backlogSeconds: backlogSeconds,
            ownWorkWeight: KVCostPolicy.ownWorkWeight(backlogSeconds: backlogSeconds, lateReuse: group.lateReuse)
        )
    }

    /// How much the work of a request counts that a cache does not save: everybody behind it pays for it, and it drives
    /// something else out of a cache.
    static func ownWorkWeight(backlogSeconds: Double, lateReuse: Double) -> Double {
        min(
            ownWorkWeightMax,
            ownWorkWeightMin + lateReuseWeight * lateReuse + backlogSeconds + backlogSquareWeight * backlogSeconds
                * backlogSeconds
        )
    }

    /// What the request costs the fleet at a worker, in seconds; `facts` has the depths of its match.
    func cost(_ worker: RoutedWorker, _ scale: Scale, _ filter: WorkerFilter, _ facts: borrowing RoutingFacts) -> Double
    {
        let loads = filter.loads
        let matched = if let lane = worker.lane { facts.depths[lane] } else { 0 }
        let own = KVCostPolicy.work(facts, matchedBlocks: matched)
        let running = Double(loads.fleetInFlight(slot: worker.lease.slot))
        let rate = scale.rate * Double(worker.weight)
        let step = KVCostPolicy.decodeStepSeconds + KVCostPolicy.decodePerRequestSeconds * running
        let secondsPerToken = 1 / rate + step / KVCostPolicy.chunkTokens
        let waiting = loads.remainingTokens(slot: worker.lease.slot, rate: rate, at: filter.now)
        // Each request there is slowed down in every step of this one's answer. It also keeps requests from gathering at a
        // worker that stands still in the middle of its answers.
        let relativeWeight = Double(worker.weight) / scale.meanWeight
        let decode = running / relativeWeight * KVCostPolicy.decodePerRequestSeconds * KVCostPolicy.answerTokens
        return (waiting + scale.ownWorkWeight * own) * secondsPerToken + decode
    }

    /// Remembers what the worker was sent.
    ///
    /// - Returns: the prefill work that it has now more, in tokens of an empty context.
    func placed(_ worker: RoutedWorker, _ facts: RoutingFacts, _ outbox: PlacementOutbox) -> Int {
        let matched = worker.lane.map { facts.depths[$0] } ?? 0
        if let lane = worker.lane { index.insert(facts.blocks, lane: lane, group) }
        popularity.note(facts.blocks, workers: readyCount)
        outbox.append(group: group.seed, worker: worker.fleetKey, blocks: facts.blocks)
        return Int(KVCostPolicy.work(facts, matchedBlocks: matched))
    }

    /// Tokens that are to be computed, each dearer the longer the context before it.
    static func work(_ facts: borrowing RoutingFacts, matchedBlocks: Int) -> Double {
        let tokens = facts.tokens
        let cached = min(facts.tokens(ofBlocks: matchedBlocks), tokens - 1)
        let uncached = max(1, tokens - cached)
        return uncached * (1 + (cached + uncached / 2) / attentionTokens)
    }
}
