/// The inference engine as a value: requests and time go in, events come out.
///
/// As on a GPU one step runs at a time: the prefill of the request that has waited longest, or one decode step of all
/// running requests. Prefill comes first, as SGLang schedules it. All times are durations since the start of the worker.
struct Engine {
    /// A request whose prompt is computed.
    private struct Running {
        let request: EngineRequest
        var producedTokens: Int
    }

    /// What the engine is doing until `end`.
    private struct Step {
        /// The request in prefill, with its cached tokens; nil for a decode step.
        let prefill: (request: EngineRequest, cachedTokens: Int)?
        let end: Duration
    }

    let configuration: EngineConfiguration
    private var cache: PrefixCache
    private var waiting: [EngineRequestID: EngineRequest] = [:]
    /// The waiting requests by arrival; those that were cancelled are skipped, they are no longer in `waiting`.
    private var arrivals: [EngineRequestID] = []
    private var firstArrival = 0
    private var waitingTokens = 0
    private var running: [Running] = []
    private var step: Step?
    /// Tokens per second of the last decode step.
    private(set) var decodeTokensPerSecond = 0.0

    init(configuration: EngineConfiguration) {
        self.configuration = configuration
        cache = PrefixCache(blocksMax: configuration.cacheTokens / max(1, configuration.blockTokens))
    }

    /// When the current step ends; nil while there is nothing to do.
    var nextEnd: Duration? { step?.end }

    /// Requests that wait for their prefill; one in prefill counts as running.
    var waitingCount: Int { waiting.count }

    /// Requests in prefill or decode.
    var runningCount: Int { running.count + (step?.prefill == nil ? 0 : 1) }

    /// Tokens of all requests in the engine: prompts, and what was generated so far.
    var loadTokens: Int {
        let decoding = running.reduce(0) { $0 + $1.request.promptTokens + $1.producedTokens }
        return waitingTokens + decoding + (step?.prefill?.request.promptTokens ?? 0)
    }

    /// The part of the prefix cache that is in use, from 0 to 1.
    var cacheUsage: Double { cache.blocksMax == 0 ? 0 : Double(cache.count) / Double(cache.blocksMax) }

    /// Takes a request in; it waits, or starts at once when the engine is idle.
    mutating func submit(_ request: EngineRequest, at now: Duration) {
        waiting[request.id] = request
        arrivals.append(request.id)
        waitingTokens += request.promptTokens
        if step == nil { startStep(at: now) }
    }

    /// Serves a request that takes no time: returns how many tokens of its prompt were in the cache.
    mutating func serveAtOnce(_ request: EngineRequest) -> Int {
        let cachedTokens = cachedTokens(of: request)
        cache.insert(request.blocks)
        return cachedTokens
    }

    /// Drops a request wherever it is; one that is not there any more is no error.
    mutating func cancel(_ id: EngineRequestID, at now: Duration) {
        if let request = waiting.removeValue(forKey: id) {
            waitingTokens -= request.promptTokens
        } else if step?.prefill?.request.id == id {
            startStep(at: now)
        } else if let position = running.firstIndex(where: { $0.request.id == id }) {
            running.remove(at: position)
            if running.isEmpty, step?.prefill == nil { startStep(at: now) }
        }
    }

    /// Lets the time pass until `now` and returns what happened, in order.
    mutating func advance(to now: Duration) -> [EngineEvent] {
        var events: [EngineEvent] = []
        while let step, step.end <= now {
            if let (request, cachedTokens) = step.prefill {
                endPrefill(of: request, cachedTokens: cachedTokens, events: &events)
            } else {
                endDecode(events: &events)
            }
            startStep(at: step.end)
        }
        return events
    }

    /// Empties the prefix cache; requests in the engine are not touched.
    mutating func flushCache() {
        cache.removeAll()
    }

    private mutating func startStep(at now: Duration) {
        if running.count < configuration.runningRequestsMax, let request = nextWaiting() {
            let cachedTokens = cachedTokens(of: request)
            let duration = configuration.prefillDuration(tokens: request.promptTokens - cachedTokens)
            step = Step(prefill: (request, cachedTokens), end: now + duration)
        } else if running.isEmpty {
            step = nil
            decodeTokensPerSecond = 0
        } else {
            let duration = configuration.decodeDuration(requests: running.count)
            decodeTokensPerSecond = duration > .zero ? Double(running.count) / (duration / .seconds(1)) : 0
            step = Step(prefill: nil, end: now + duration)
        }
    }

    private mutating func nextWaiting() -> EngineRequest? {
        while firstArrival < arrivals.count {
            let id = arrivals[firstArrival]
            firstArrival += 1
            if firstArrival > 1024, firstArrival * 2 > arrivals.count {
                arrivals.removeFirst(firstArrival)
                firstArrival = 0
            }
            if let request = waiting.removeValue(forKey: id) {
                waitingTokens -= request.promptTokens
                return request
            }
        }
        arrivals.removeAll(keepingCapacity: true)
        firstArrival = 0
        return nil
    }

    private mutating func endPrefill(of request: EngineRequest, cachedTokens: Int, events: inout [EngineEvent]) {
        cache.insert(request.blocks.prefix(request.promptTokens / configuration.blockTokens))
        events.append(.prefilled(request.id, cachedTokens: cachedTokens))
        if request.outputTokens <= 1 {
            finish(request, events: &events)
        } else {
            running.append(Running(request: request, producedTokens: 1))
        }
    }

    private mutating func endDecode(events: inout [EngineEvent]) {
        var anyFinished = false
        for position in running.indices {
            running[position].producedTokens += 1
            let current = running[position]
            if current.request.reportsEachToken {
                events.append(.decoded(current.request.id, tokens: current.producedTokens))
            }
            if current.producedTokens >= current.request.outputTokens {
                anyFinished = true
                finish(current.request, events: &events)
            }
        }
        if anyFinished { running.removeAll { $0.producedTokens >= $0.request.outputTokens } }
    }

    private mutating func finish(_ request: EngineRequest, events: inout [EngineEvent]) {
        cache.insert(request.blocks)
        events.append(.finished(request.id))
    }

    /// Tokens of the prompt that need no prefill: whole blocks, and never the last token, whose result is needed.
    private func cachedTokens(of request: EngineRequest) -> Int {
        let blocksMax = max(0, request.promptTokens - 1) / configuration.blockTokens
        return cache.matchedBlocks(request.blocks.prefix(blocksMax)) * configuration.blockTokens
    }
}
