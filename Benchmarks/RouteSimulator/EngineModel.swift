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

    /// Prefill work in tokens of an empty context.
    func work(uncached: Double, context: Double) -> Double {
        uncached * (1 + (context + uncached / 2) / attentionTokens)
    }
}

/// One engine: a prefix cache, a queue of prompts in the order of arrival, and the requests that are decoded.
struct EngineModel {
    let parameters: EngineParameters
    private var cache: BlockCache
    /// When the prompts that are queued now will be computed.
    private var busyUntil = 0.0
    /// Ends of the requests in decode, with their context.
    private(set) var decoding: [(end: Double, context: Int)] = []

    init(_ parameters: EngineParameters) {
        self.parameters = parameters
        cache = BlockCache(blocksMax: parameters.cacheTokens / Workload.blockTokens)
    }

    /// Seconds of prefill that wait at `now`.
    func backlog(at now: Double) -> Double { max(0, busyUntil - now) }

    func running(at now: Double) -> Int { decoding.count { $0.end > now } }

    /// Blocks of a prompt that the engine has.
    func matched(_ request: TraceRequest) -> Int { cache.matched(request.blocks) }

    /// Takes a request; says when its first token and its end come, and how many tokens were in the cache.
    mutating func submit(_ request: TraceRequest, at now: Double) -> (firstToken: Double, end: Double, cached: Int) {
        decoding.removeAll { $0.end <= now }
        let cached = min(cache.matched(request.blocks) * Workload.blockTokens, request.inputTokens - 1)
        let work = parameters.work(uncached: Double(request.inputTokens - cached), context: Double(cached))
        let context = decoding.reduce(0) { $0 + $1.context }
        let step =
            parameters.stepSeconds + parameters.stepPerSequence * Double(decoding.count)
            + parameters.stepPerToken * Double(context)
        let start = max(now, busyUntil)
        let firstToken = start + work * (1 / parameters.prefillRate + step / parameters.chunkTokens)
        busyUntil = firstToken
        let end = firstToken + Double(request.outputTokens) * step
        decoding.append((end, request.inputTokens))
        cache.insert(request.blocks)
        return (firstToken, end, cached)
    }
}

/// Blocks that were used last, in a bounded number.
struct BlockCache {
    private let blocksMax: Int
    private var stamps: [Int: Int] = [:]
    private var order: [(block: Int, stamp: Int)] = []
    private var first = 0
    private var clock = 0

    init(blocksMax: Int) {
        self.blocksMax = blocksMax
    }

    func matched(_ blocks: [Int]) -> Int { blocks.prefix { stamps[$0] != nil }.count }

    mutating func insert(_ blocks: [Int]) {
        // The end of a prompt goes first: without its beginning it is of no use.
        for block in blocks.reversed() {
            clock += 1
            stamps[block] = clock
            order.append((block, clock))
        }
        while stamps.count > blocksMax, first < order.count {
            let (block, stamp) = order[first]
            first += 1
            if stamps[block] == stamp { stamps[block] = nil }
        }
        if first > 100_000 {
            order.removeFirst(first)
            first = 0
        }
    }
}
