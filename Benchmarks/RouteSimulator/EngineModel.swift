/// How fast an engine is and how much it keeps; figures are derived from arithmetic and bandwidth, not measured.
struct EngineParameters {
    /// Prefill tokens per second of an empty context.
    var prefillRate: Double
    /// Context in tokens at which attention has doubled the cost of a token.
    var attentionTokens: Double
    /// Seconds of a decode step, and what each sequence and each token of context adds.
    var stepSeconds: Double
    var stepPerSequence: Double
    var stepPerToken: Double
    var cacheTokens: Int
    var chunkTokens = 8192.0

    /// A 70B model on four GPUs.
    static let large = EngineParameters(
        prefillRate: 10_000,
        attentionTokens: 53_000,
        stepSeconds: 0.018,
        stepPerSequence: 0.000_1,
        stepPerToken: 35e-9,
        cacheTokens: 1_000_000
    )
    /// An 8B model on one GPU.
    static let small = EngineParameters(
        prefillRate: 25_000,
        attentionTokens: 53_000,
        stepSeconds: 0.008,
        stepPerSequence: 0.000_1,
        stepPerToken: 35e-9,
        cacheTokens: 420_000
    )

    /// The same engine on slower or faster hardware.
    func times(_ factor: Double) -> EngineParameters {
        var other = self
        other.prefillRate *= factor
        other.stepSeconds /= factor
        other.stepPerSequence /= factor
        other.stepPerToken /= factor
        return other
    }

    /// Prefill work in tokens of an empty context.
    func work(uncached: Double, context: Double) -> Double {
        uncached * (1 + (context + uncached / 2) / attentionTokens)
    }
}

/// One engine: a prefix cache, a queue of prompts in the order of arrival, and the requests that are decoded, as a fluid.
///
/// Each step computes a chunk of prompts and one token of every running answer: prompts slow answers down by far more than
/// answers slow prompts, so that requests gather at an engine whose queue never empties. Requests that run hold their blocks,
/// those of a shared beginning together; the cache has what is left, and a prompt waits until there is room for it.
struct EngineModel {
    /// What happened to a request.
    enum Event {
        case firstToken
        case ended
    }

    private struct Prompt {
        var number: Int
        var request: TraceRequest
        /// What is left of it; before it is begun, what is expected.
        var work: Double
    }

    private struct Answer {
        var prompt: Prompt
        /// Count of steps at which it is complete.
        var endStep: Double
    }

    let parameters: EngineParameters
    private let cache: BlockCache
    private var clock = 0.0
    private var prompts: [Prompt] = []
    private var firstPrompt = 0
    /// The first prompt has its room and is computed.
    private var isPrefilling = false
    /// Work of all prompts that wait.
    private var waitingWork = 0.0
    private var answers: [Answer] = []
    private var contextTokens = 0
    /// Steps that answers have been through.
    private var steps = 0.0
    /// Tokens of all prompts so far that were in the cache.
    private(set) var cachedTokens = 0

    /// - Parameter cache: nil for one of its own.
    init(_ parameters: EngineParameters, cache: BlockCache? = nil) {
        self.parameters = parameters
        self.cache = cache ?? BlockCache(blocksMax: parameters.cacheTokens / Workload.blockTokens)
    }

    /// Seconds of prefill that wait, as of the last event.
    var backlog: Double { max(0, waitingWork) / parameters.prefillRate }

    /// Requests that it has.
    var inFlight: Int { answers.count + prompts.count - firstPrompt }

    /// Blocks of a prompt that the engine has.
    func matched(_ request: TraceRequest) -> Int { cache.matched(request.blocks) }

    /// Takes a request, after all events until `now` were taken.
    mutating func submit(_ request: TraceRequest, number: Int, at now: Double) {
        pass(to: now)
        let work = work(of: request, cached: cached(request))
        prompts.append(Prompt(number: number, request: request, work: work))
        waitingWork += work
        beginPrompt()
    }

    private func cached(_ request: TraceRequest) -> Int {
        min(cache.matched(request.blocks) * Workload.blockTokens, request.inputTokens - 1)
    }

    private func work(of request: TraceRequest, cached: Int) -> Double {
        parameters.work(uncached: Double(request.inputTokens - cached), context: Double(cached))
    }

    /// Begins with the first prompt that waits, when there is room for it and its answer.
    private mutating func beginPrompt() {
        guard !isPrefilling, firstPrompt < prompts.count else { return }
        let request = prompts[firstPrompt].request
        let cached = cached(request)
        guard cache.hold(request.blocks, answerBlocks: EngineModel.answerBlocks(request)) else { return }
        isPrefilling = true
        cachedTokens += cached
        let work = work(of: request, cached: cached)
        waitingWork += work - prompts[firstPrompt].work
        prompts[firstPrompt].work = work
    }

    private static func answerBlocks(_ request: TraceRequest) -> Int {
        (request.outputTokens + Workload.blockTokens - 1) / Workload.blockTokens
    }

    private var stepSeconds: Double {
        parameters.stepSeconds + parameters.stepPerSequence * Double(answers.count)
            + parameters.stepPerToken * Double(contextTokens)
    }

    private var secondsPerWork: Double { 1 / parameters.prefillRate + stepSeconds / parameters.chunkTokens }

    private var stepsPerSecond: Double {
        isPrefilling ? 1 / (parameters.chunkTokens / parameters.prefillRate + stepSeconds) : 1 / stepSeconds
    }

    /// When something happens next; infinite when nothing does.
    var nextEvent: Double {
        var next = Double.infinity
        if isPrefilling { next = clock + prompts[firstPrompt].work * secondsPerWork }
        if let first = answers.first { next = min(next, clock + (first.endStep - steps) / stepsPerSecond) }
        return max(clock, next)
    }

    /// What happens at ``nextEvent``.
    mutating func takeEvent() -> (request: Int, Event) {
        let isFirstToken =
            isPrefilling
            && (answers.isEmpty
                || prompts[firstPrompt].work * secondsPerWork <= (answers[0].endStep - steps) / stepsPerSecond)
        pass(to: nextEvent)
        defer { beginPrompt() }
        if isFirstToken {
            let prompt = prompts[firstPrompt]
            waitingWork -= prompt.work
            isPrefilling = false
            firstPrompt += 1
            if firstPrompt > 1_000 {
                prompts.removeFirst(firstPrompt)
                firstPrompt = 0
            }
            if firstPrompt == prompts.count { waitingWork = 0 }
            let answer = Answer(prompt: prompt, endStep: steps + Double(prompt.request.outputTokens))
            answers.insert(answer, at: answers.firstIndex { $0.endStep > answer.endStep } ?? answers.count)
            contextTokens += prompt.request.inputTokens
            return (prompt.number, .firstToken)
        }
        let prompt = answers.removeFirst().prompt
        contextTokens -= prompt.request.inputTokens
        cache.release(prompt.request.blocks, answerBlocks: EngineModel.answerBlocks(prompt.request))
        return (prompt.number, .ended)
    }

    /// Lets time pass, until before the next event.
    private mutating func pass(to now: Double) {
        let seconds = max(0, now - clock)
        steps += seconds * stepsPerSecond
        if isPrefilling {
            let done = min(prompts[firstPrompt].work, seconds / secondsPerWork)
            prompts[firstPrompt].work -= done
            waitingWork -= done
        }
        clock = max(clock, now)
    }
}

/// The blocks of an engine, in a bounded number: those of running requests are held, of the others the ones that were used last
/// are kept.
final class BlockCache {
    private struct Block {
        var stamp: Int
        /// Requests that run with it.
        var holders: Int
    }

    private let blocksMax: Int
    private var blocks: [Int: Block] = [:]
    private var heldCount = 0
    /// Blocks of answers, which nobody can use again.
    private var answerCount = 0
    /// Blocks that nobody held at some time, the one that was used least recently first.
    private var order: [(block: Int, stamp: Int)] = []
    private var first = 0
    private var clock = 0

    init(blocksMax: Int) {
        self.blocksMax = blocksMax
    }

    func matched(_ blocks: [Int]) -> Int { blocks.prefix { self.blocks[$0] != nil }.count }

    /// Takes room for a request; false, and nothing is changed, when there is none. One that alone is too large has all.
    func hold(_ wanted: [Int], answerBlocks: Int) -> Bool {
        let more = wanted.count { blocks[$0].map { $0.holders == 0 } ?? true }
        guard heldCount == 0 || heldCount + answerCount + more + answerBlocks <= blocksMax else { return false }
        clock += 1
        for block in wanted {
            if (blocks[block]?.holders ?? 0) == 0 { heldCount += 1 }
            blocks[block, default: Block(stamp: 0, holders: 0)].holders += 1
            blocks[block]?.stamp = clock
        }
        answerCount += answerBlocks
        evict()
        return true
    }

    /// The request has ended; its prompt stays until the room is wanted.
    func release(_ held: [Int], answerBlocks: Int) {
        answerCount -= answerBlocks
        // The end of a prompt goes first: without its beginning it is of no use.
        for block in held.reversed() {
            blocks[block]?.holders -= 1
            guard blocks[block]?.holders == 0 else { continue }
            heldCount -= 1
            clock += 1
            blocks[block]?.stamp = clock
            order.append((block, clock))
        }
    }

    private func evict() {
        while blocks.count + answerCount > blocksMax, first < order.count {
            let (block, stamp) = order[first]
            first += 1
            if let known = blocks[block], known.holders == 0, known.stamp == stamp { blocks[block] = nil }
        }
        if first > 100_000 {
            order.removeFirst(first)
            first = 0
        }
    }
}
