import Testing

@testable import DataPlaneCore

struct ConcurrencyEstimatorTests {
    /// A worker that runs some requests at one time, each as long as its batch is slow, and queues the others: how long
    /// they take at a number in flight.
    private struct Worker {
        var running: Int
        var singleMilliseconds = 1_000.0

        func milliseconds(inFlight: Int) -> Double {
            let batch = Double(min(inFlight, running))
            let service = singleMilliseconds * (1 + 1.5 * batch / Double(running))
            return service * max(1, Double(inFlight) / Double(running))
        }
    }

    /// Windows under an offered number of requests at one time, of which the limit lets some through.
    private func run(_ estimator: inout ConcurrencyEstimator, _ worker: Worker, offered: Int, windows: Int) -> [Int] {
        (0..<windows).map { _ in
            let inFlight = estimator.limit == 0 ? offered : min(offered, estimator.limit)
            let took = worker.milliseconds(inFlight: inFlight)
            estimator.windowEnded(averageMilliseconds: took, inFlight: inFlight)
            return inFlight
        }
    }

    @Test("A worker that is not overloaded gets no limit", arguments: [1, 8, 32])
    func noOverload(offered: Int) {
        var estimator = ConcurrencyEstimator()
        _ = run(&estimator, Worker(running: 32), offered: 1, windows: 3)
        _ = run(&estimator, Worker(running: 32), offered: offered, windows: 100)
        #expect(estimator.limit == 0)
    }

    @Test("An overloaded worker gets about as many requests as it runs at one time", arguments: [8, 32, 256])
    func overload(running: Int) {
        var estimator = ConcurrencyEstimator()
        let worker = Worker(running: running)
        _ = run(&estimator, worker, offered: 1, windows: 3)
        let inFlight = run(&estimator, worker, offered: running * 5, windows: 300)
        let settled = inFlight.suffix(250)
        #expect(settled.allSatisfy { $0 >= running * 9 / 10 && $0 <= running * 3 / 2 })
    }

    @Test("A worker that becomes faster gets more again")
    func recovers() {
        var estimator = ConcurrencyEstimator()
        _ = run(&estimator, Worker(running: 8), offered: 1, windows: 3)
        _ = run(&estimator, Worker(running: 8), offered: 100, windows: 50)
        #expect(estimator.limit < 15)
        let inFlight = run(&estimator, Worker(running: 64), offered: 64, windows: 50)
        #expect(inFlight.last == 64)
    }

    @Test("Longer requests are not taken for overload for ever")
    func longerRequests() {
        var estimator = ConcurrencyEstimator()
        _ = run(&estimator, Worker(running: 32), offered: 16, windows: 20)
        let longer = Worker(running: 32, singleMilliseconds: 10_000)
        let inFlight = run(&estimator, longer, offered: 16, windows: 30)
        #expect(inFlight.last == 16)
    }

    @Test("Requests of a few milliseconds are never limited by chance")
    func shortRequests() {
        var estimator = ConcurrencyEstimator()
        for milliseconds in [0, 1, 0, 15, 3, 19, 0] {
            estimator.windowEnded(averageMilliseconds: Double(milliseconds), inFlight: 50)
        }
        #expect(estimator.limit == 0)
    }
}
