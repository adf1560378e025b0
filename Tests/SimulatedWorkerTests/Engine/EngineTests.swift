import Testing

@testable import SimulatedWorker

@Suite("Engine")
struct EngineTests {
    /// 100 tokens of prefill take 1 s; a decode step takes 10 ms and 1 ms for each request.
    private let configuration = EngineConfiguration(
        prefillTokensPerSecond: 100,
        decodeBase: .milliseconds(10),
        decodePerRequest: .milliseconds(1),
        cacheTokens: 1000,
        runningRequestsMax: 2,
        blockTokens: 10,
        speedup: 1
    )

    private func request(
        _ number: Int,
        prompt: Int,
        output: Int = 1,
        blocks: [UInt64] = [],
        reports: Bool = true
    ) -> EngineRequest {
        EngineRequest(
            id: EngineRequestID(number: number),
            blocks: blocks,
            promptTokens: prompt,
            outputTokens: output,
            reportsEachToken: reports
        )
    }

    private func id(_ number: Int) -> EngineRequestID { EngineRequestID(number: number) }

    @Test("Prefill takes the time of the uncached tokens and gives the first token")
    func prefill() {
        var engine = Engine(configuration: configuration)
        engine.submit(request(1, prompt: 100), at: .seconds(5))
        #expect(engine.nextEnd == .seconds(6))
        #expect(engine.advance(to: .milliseconds(5999)).isEmpty)
        #expect(engine.advance(to: .seconds(6)) == [.prefilled(id(1), cachedTokens: 0), .finished(id(1))])
        #expect(engine.nextEnd == nil)
    }

    @Test("Each decode step adds one token to each running request, and takes longer with more of them")
    func decode() {
        var engine = Engine(configuration: configuration)
        engine.submit(request(1, prompt: 1, output: 3), at: .zero)
        engine.submit(request(2, prompt: 1, output: 2, reports: false), at: .zero)
        #expect(
            engine.advance(to: .milliseconds(20)) == [
                .prefilled(id(1), cachedTokens: 0), .prefilled(id(2), cachedTokens: 0),
            ]
        )
        #expect(engine.nextEnd == .milliseconds(32))
        #expect(engine.advance(to: .milliseconds(32)) == [.decoded(id(1), tokens: 2), .finished(id(2))])
        #expect(engine.nextEnd == .milliseconds(43))
        #expect(engine.advance(to: .seconds(1)) == [.decoded(id(1), tokens: 3), .finished(id(1))])
        #expect(engine.runningCount == 0)
    }

    @Test("Requests over the limit wait in the order of their arrival")
    func queue() {
        var engine = Engine(configuration: configuration)
        for number in 1...4 { engine.submit(request(number, prompt: 1, output: 2), at: .zero) }
        let prefilled = engine.advance(to: .milliseconds(20)).map(\.id)
        #expect(prefilled == [id(1), id(2)])
        #expect(engine.waitingCount == 2)
        #expect(engine.runningCount == 2)
        let finished = engine.advance(to: .seconds(10)).compactMap { event -> EngineRequestID? in
            if case .finished(let id) = event { id } else { nil }
        }
        #expect(finished == [id(1), id(2), id(3), id(4)])
    }

    @Test("A prompt seen before is cached in whole blocks, except for its last token")
    func cachedPrefix() {
        var engine = Engine(configuration: configuration)
        engine.submit(request(1, prompt: 30, blocks: [1, 2, 3]), at: .zero)
        _ = engine.advance(to: .seconds(1))
        engine.submit(request(2, prompt: 30, blocks: [1, 2, 3]), at: .seconds(1))
        #expect(engine.nextEnd == .milliseconds(1100))
        #expect(engine.advance(to: .seconds(2)).first == .prefilled(id(2), cachedTokens: 20))
        engine.submit(request(3, prompt: 45, blocks: [1, 2, 3, 9]), at: .seconds(2))
        #expect(engine.advance(to: .seconds(3)).first == .prefilled(id(3), cachedTokens: 30))
        engine.flushCache()
        engine.submit(request(4, prompt: 30, blocks: [1, 2, 3]), at: .seconds(3))
        #expect(engine.advance(to: .seconds(4)).first == .prefilled(id(4), cachedTokens: 0))
    }

    @Test("The answer is cached for the next turn only when it is complete")
    func answerIsCached() {
        var engine = Engine(configuration: configuration)
        engine.submit(request(1, prompt: 20, output: 10, blocks: [1, 2, 3]), at: .zero)
        _ = engine.advance(to: .milliseconds(200))
        #expect(engine.cacheUsage == 0.02)
        _ = engine.advance(to: .seconds(2))
        #expect(engine.cacheUsage == 0.03)
    }

    @Test("A cancelled request leaves at once, wherever it is, and the next one starts", arguments: [1, 2, 3])
    func cancel(number: Int) {
        var engine = Engine(configuration: configuration)
        engine.submit(request(1, prompt: 1, output: 50), at: .zero)
        engine.submit(request(2, prompt: 100, output: 50), at: .zero)
        engine.submit(request(3, prompt: 1, output: 50), at: .zero)
        _ = engine.advance(to: .milliseconds(500))
        engine.cancel(id(number), at: .milliseconds(500))
        #expect(engine.runningCount + engine.waitingCount == 2)
        let events = engine.advance(to: .seconds(60))
        #expect(!events.contains { $0.id == id(number) })
        #expect(Set(events.map(\.id)).count == 2)
        #expect(engine.loadTokens == 0)
        #expect(engine.nextEnd == nil)
    }

    @Test("The load is the tokens of waiting and running requests")
    func load() {
        var engine = Engine(configuration: configuration)
        engine.submit(request(1, prompt: 10, output: 5), at: .zero)
        engine.submit(request(2, prompt: 7, output: 5), at: .zero)
        #expect(engine.loadTokens == 17)
        _ = engine.advance(to: .milliseconds(100))
        #expect(engine.loadTokens == 18)
    }

    @Test("A speedup divides all times, and 0 means none")
    func speedup() {
        var fast = configuration
        fast.speedup = 10
        #expect(fast.prefillDuration(tokens: 100) == .milliseconds(100))
        #expect(fast.decodeDuration(requests: 10) == .milliseconds(2))
        fast.speedup = 0
        #expect(fast.isInstant)
        #expect(fast.prefillDuration(tokens: 100) == .zero)
    }

    @Test("Thousands of requests, many of them cancelled, leave nothing behind", arguments: 1...5)
    func randomLife(seed: UInt64) {
        var generator = SplitMix(state: seed)
        var engine = Engine(configuration: configuration)
        var now = Duration.zero
        var open: Set<Int> = []
        for number in 0..<3000 {
            now += .milliseconds(Int.random(in: 0...40, using: &generator))
            for event in engine.advance(to: now) {
                #expect(open.contains(event.id.number))
                if case .finished(let id) = event { open.remove(id.number) }
            }
            let output = Int.random(in: 1...5, using: &generator)
            engine.submit(request(number, prompt: 1, output: output, blocks: [UInt64(number)]), at: now)
            open.insert(number)
            if Bool.random(using: &generator), let cancelled = open.randomElement(using: &generator) {
                engine.cancel(id(cancelled), at: now)
                open.remove(cancelled)
            }
            #expect(engine.runningCount <= 2)
            #expect(engine.runningCount + engine.waitingCount == open.count)
        }
        for event in engine.advance(to: now + .seconds(3600)) {
            if case .finished(let id) = event { open.remove(id.number) }
        }
        #expect(open.isEmpty)
        #expect(engine.loadTokens == 0)
    }
}
