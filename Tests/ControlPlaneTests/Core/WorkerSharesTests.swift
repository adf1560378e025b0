import Testing

@testable import ControlPlaneCore

@Suite("Shares of workers") struct WorkerSharesTests {
    private func weights(_ workers: (weight: Int, priority: Int, cost: Double)...) -> [Int] {
        WorkerShares.weights(
            of: workers.map { WorkerProperties(weight: $0.weight, priority: $0.priority, cost: $0.cost) }
        )
    }

    @Test("are the weights as given, where nobody has a priority or cost of its own")
    func given() {
        #expect(weights((1, 50, 1), (1, 50, 1)) == [1, 1])
        #expect(weights((2, 50, 1), (4, 50, 1), (1000, 50, 1)) == [2, 4, 1000])
        #expect(WorkerShares.weights(of: []) == [])
    }

    @Test("grow with the priority and shrink with the cost")
    func relative() {
        #expect(weights((1, 100, 1), (1, 50, 1)) == [2, 1])
        #expect(weights((1, 50, 2), (1, 50, 1)) == [1, 2])
        #expect(weights((3, 50, 2), (1, 50, 1)) == [1000, 667])
        #expect(weights((1, 70, 1), (1, 50, 1)) == [500, 357])
    }

    @Test("stay within their bounds, whatever was given")
    func bounds() {
        for weights in [
            weights((1000, 1_000_000, 0), (1, 0, 1e300)), weights((1, 0, 0.5), (1, 0, 0.5)),
            weights((1, 50, 3), (1000, 50, 1)), weights((1000, 100, 1), (1000, 50, 1)),
        ] {
            #expect(weights.allSatisfy { (1...1000).contains($0) }, "\(weights)")
            #expect(weights[0] != weights[1] || weights == [1, 1], "\(weights)")
        }
    }
}
