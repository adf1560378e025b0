import SignalboxProtocol
import Testing

@testable import ControlPlaneCore

@Suite("Shares of workers") struct WorkerSharesTests {
    private func worker(_ weight: Int, _ priority: Int, _ cost: Double, drains: Bool = false) throws -> Worker {
        var generator = SystemRandomNumberGenerator()
        return Worker(
            id: .random(using: &generator),
            incarnation: .random(using: &generator),
            url: try WorkerURL("http://h:1"),
            urlGiven: "http://h:1",
            source: .api,
            properties: WorkerProperties(weight: weight, priority: priority, cost: cost),
            drain: drains ? WorkerDrain(beganAt: 0, deadline: 1, sequence: 1) : nil,
            addedAt: 0
        )
    }

    private func weights(_ workers: (weight: Int, priority: Int, cost: Double)...) throws -> [Int] {
        WorkerShares.weights(of: try workers.map { try worker($0.weight, $0.priority, $0.cost) })
    }

    @Test("are the weights as given, where nobody has a priority or cost of its own")
    func given() throws {
        #expect(try weights((1, 50, 1), (1, 50, 1)) == [1, 1])
        #expect(try weights((2, 50, 1), (4, 50, 1), (1000, 50, 1)) == [2, 4, 1000])
        #expect(WorkerShares.weights(of: []) == [])
    }

    @Test("grow with the priority and shrink with the cost")
    func relative() throws {
        #expect(try weights((1, 100, 1), (1, 50, 1)) == [2, 1])
        #expect(try weights((1, 50, 2), (1, 50, 1)) == [1, 2])
        #expect(try weights((3, 50, 2), (1, 50, 1)) == [1000, 667])
        #expect(try weights((1, 70, 1), (1, 50, 1)) == [500, 357])
    }

    @Test("stay within their bounds, whatever was given")
    func bounds() throws {
        for weights in [
            try weights((1000, 1_000_000, 0), (1, 0, 1e300)), try weights((1, 0, 0.5), (1, 0, 0.5)),
            try weights((1, 50, 3), (1000, 50, 1)), try weights((1000, 100, 1), (1000, 50, 1)),
        ] {
            #expect(weights.allSatisfy { (1...1000).contains($0) }, "\(weights)")
            #expect(weights[0] != weights[1] || weights == [1, 1], "\(weights)")
        }
    }

    @Test("do not change by what drains")
    func draining() throws {
        let active = [try worker(1, 50, 1), try worker(2, 50, 1)]
        for draining in [try worker(1, 70, 0.01, drains: true), try worker(1000, 1, 3, drains: true)] {
            #expect(WorkerShares.weights(of: active + [draining]).prefix(2) == [1, 2])
        }
        #expect(WorkerShares.weights(of: [try worker(1, 70, 0.01, drains: true)]) == [1])
    }
}
