import SignalboxProtocol
import Testing

@testable import route_simulator

/// A small fixed case of the routing simulator: enough to see that policies, exchange and engines fit together.
struct RouteSimulatorTests {
    /// The first requests of gsp with few groups, on four engines.
    private func workload() -> Workload {
        var workload = Workload(groups: 24, seed: 1)
        workload.requests.removeLast(workload.requests.count - 700)
        return workload.scaled(toLoad: 1.1, workers: 4)
    }

    private func run(_ router: Router, dataPlanes: Int = 1) throws -> Outcome {
        try Fleet(workers: 4, dataPlanes: dataPlanes, exchangeMilliseconds: 50, seed: 1).run(workload(), router)
    }

    private let kvCost = PolicyConfiguration(name: .kvCost)

    @Test("kv_cost finds the shared beginnings, with one data plane or four, and comes near the oracle")
    func kvCostHits() throws {
        let (one, four, oracle) = (try run(.policy(kvCost)), try run(.policy(kvCost), dataPlanes: 4), try run(.oracle))
        let roundRobin = try run(.policy(PolicyConfiguration(name: .roundRobin)))
        #expect(one.ttft.count == 700 && oracle.ttft.count == 700, "a request was lost")
        #expect(one.hitPercent > 55 && four.hitPercent > 55, "\(one.hitPercent), \(four.hitPercent)")
        #expect(one.mean < 1.3 * oracle.mean, "\(one.mean) against \(oracle.mean)")
        #expect(four.mean < 1.3 * one.mean, "\(four.mean) against \(one.mean)")
        #expect(one.mean < roundRobin.mean / 2, "\(one.mean) against \(roundRobin.mean)")
    }

    @Test("Data planes that know that they hear nobody lose far less than those that do not")
    func lostExchange() throws {
        let local = try run(.deaf(kvCost, knowing: false), dataPlanes: 4)
        let lost = try run(.deaf(kvCost, knowing: true), dataPlanes: 4)
        #expect(lost.hitPercent > local.hitPercent + 5, "\(lost.hitPercent) against \(local.hitPercent)")
        #expect(lost.mean < local.mean, "\(lost.mean) against \(local.mean)")
    }

    @Test("An engine is not faster than arithmetic, and prompts slow its answers down")
    func engine() throws {
        let request = TraceRequest(arrival: 0, inputTokens: 8_192, outputTokens: 100, blocks: Array(0..<16))
        func ends(_ count: Int) -> [Double] {
            var engine = EngineModel(.small)
            var times: [Double] = []
            for number in 0..<count {
                var other = request
                other.blocks = request.blocks.map { $0 + 100 * number }
                engine.submit(other, number: number, at: 0)
            }
            while engine.nextEvent < .infinity {
                let time = engine.nextEvent
                if case (0, .ended) = engine.takeEvent() { times.append(time) }
            }
            return times
        }
        let alone = try #require(ends(1).first)
        let work = EngineParameters.small.work(uncached: 8_192, context: 0)
        #expect(alone > work / 25_000 + 0.8 && alone < work / 25_000 + 1)
        // Each of the prompts behind takes a step of the answer as long as a chunk.
        let crowded = try #require(ends(10).first)
        #expect(crowded > 2 * alone)
    }

    @Test("Running requests hold their blocks; a prompt waits until there is room")
    func room() {
        let cache = BlockCache(blocksMax: 10)
        #expect(cache.hold([1, 2, 3, 4], answerBlocks: 1))
        #expect(cache.hold([1, 2, 5], answerBlocks: 1), "a shared beginning takes no room twice")
        #expect(!cache.hold([6, 7, 8], answerBlocks: 1))
        #expect(cache.matched([6]) == 0)
        cache.release([1, 2, 3, 4], answerBlocks: 1)
        #expect(cache.matched([1, 2, 3, 4]) == 4)
        #expect(cache.hold([6, 7, 8, 9], answerBlocks: 1))
        #expect(cache.matched([1, 2, 3, 4]) == 3, "the end of a prompt goes first")
        #expect(cache.matched([1, 2, 5]) == 3)
    }
}
