import Testing

@testable import route_simulator

struct ConversationsTests {
    private func requests(_ conversations: Conversations, load: Double = 1, seed: UInt64 = 1) -> [TraceRequest] {
        conversations.requests(load: load, workers: 8, seed: seed)
    }

    /// Offered prefill work without any cache hit, as a share of what eight workers can do.
    private func load(_ requests: [TraceRequest], _ engine: EngineParameters) throws -> Double {
        let work = requests.reduce(0) { $0 + engine.work(uncached: Double($1.inputTokens), context: 0) }
        return work / (try #require(requests.last).arrival * engine.prefillRate * 8)
    }

    @Test(
        "Every kind comes at the load that was asked for, in order, and alike for a seed",
        arguments: Conversations.kinds.keys.sorted()
    )
    func loads(kind: String) throws {
        let conversations = try #require(Conversations.kinds[kind])
        for load in [0.5, 3] {
            let requests = requests(conversations, load: load)
            #expect((4_000...16_000).contains(requests.count), "\(requests.count)")
            let offered = try self.load(requests, conversations.engine)
            #expect(abs(offered / load - 1) < 0.25, "\(offered) instead of \(load)")
            #expect(zip(requests, requests.dropFirst()).allSatisfy { $0.arrival <= $1.arrival })
            #expect(requests.allSatisfy { $0.blocks.count == ($0.inputTokens + 511) / 512 })
            let again = self.requests(conversations, load: load)
            #expect(again.map(\.blocks) == requests.map(\.blocks))
        }
        #expect(requests(conversations, seed: 2).map(\.inputTokens) != requests(conversations).map(\.inputTokens))
    }

    /// Blocks that came in an earlier request at the same place, as a share of all.
    private func repeated(_ requests: [TraceRequest]) -> Double {
        var known: Set<Int> = []
        var (hits, all) = (0, 0)
        for request in requests {
            hits += request.blocks.prefix { known.contains($0) }.count
            all += request.blocks.count
            known.formUnion(request.blocks)
        }
        return Double(hits) / Double(all)
    }

    @Test(
        "Conversations repeat what was said, documents what was asked about before, and prompts that share nothing share nothing"
    )
    func sharing() {
        #expect(repeated(requests(.chat)) > 0.6)
        #expect(repeated(requests(.agents)) > 0.8)
        #expect((0.3...0.95).contains(repeated(requests(.documents))))
        #expect(repeated(requests(.unshared)) == 0)
    }
}
