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

        /// A hundred requests, by Little's law.
        func window(inFlight: Int) -> DurationWindow {
            let took = milliseconds(inFlight: inFlight)
            return DurationWindow(
                requests: 100,
                totalMilliseconds: Int(took * 100),
                elapsedMilliseconds: 100 * took / Double(inFlight)
            )
        }
    }

    /// Windows under an offered number of requests at one time, of which the limit lets some through.
    private func run(_ estimator: inout ConcurrencyEstimator, _ worker: Worker, offered: Int, windows: Int) -> [Int] {
        (0..<windows).map { _ in
            let inFlight = estimator.limit == 0 ? offered : min(offered, estimator.limit)
            estimator.windowEnded(worker.window(inFlight: inFlight), inFlight: inFlight)
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
            let window = DurationWindow(requests: 20, totalMilliseconds: milliseconds * 20, elapsedMilliseconds: 10)
            estimator.windowEnded(window, inFlight: 50)
        }
        #expect(estimator.limit == 0)
    }

    @Test("Clients that leave before the answer begins are overload, however patient others would be")
    func abandoned() {
        var estimator = ConcurrencyEstimator()
        let alone = DurationWindow(requests: 20, totalMilliseconds: 20 * 400, elapsedMilliseconds: 2_000)
        estimator.windowEnded(alone, inFlight: 4)
        // Twice the best is bearable, but nine of ten clients have left.
        let left = DurationWindow(requests: 20, abandoned: 18, totalMilliseconds: 20 * 800, elapsedMilliseconds: 1_000)
        estimator.windowEnded(left, inFlight: 40)
        #expect((1...4).contains(estimator.limit))
    }

    @Test("The time after which clients leave is what requests may use up, until it is forgotten")
    func patience() {
        var estimator = ConcurrencyEstimator()
        // Four run at one time, 0.4 s each; at twelve a request takes 1.2 s, and clients leave after one second.
        func window(_ inFlight: Int) -> DurationWindow {
            let milliseconds = max(400, inFlight * 100)
            let abandoned = milliseconds > 1_000 ? 15 : 0
            return DurationWindow(
                requests: 20,
                abandoned: abandoned,
                totalMilliseconds: 20 * min(milliseconds, 1_000),
                elapsedMilliseconds: 2_000
            )
        }
        for inFlight in [4, 4, 12] { estimator.windowEnded(window(inFlight), inFlight: inFlight) }
        #expect((4...7).contains(estimator.limit))
        // What began before the cut is over now.
        estimator.windowEnded(window(12), inFlight: 8)
        #expect((4...7).contains(estimator.limit))
        // While the limit is reached it stays where clients do not leave.
        for _ in 0..<20 {
            estimator.windowEnded(window(estimator.limit), inFlight: estimator.limit)
            #expect((4...8).contains(estimator.limit))
        }
    }

    @Test("Clients that leave whatever the load is do not throttle a worker that is idle")
    func fickleClients() {
        var estimator = ConcurrencyEstimator()
        // Forty in a hundred leave after a second; nothing waits at the worker.
        let window = DurationWindow(requests: 20, abandoned: 8, totalMilliseconds: 20 * 1_000, elapsedMilliseconds: 400)
        var limited = 0
        for _ in 0..<1_000 {
            estimator.windowEnded(window, inFlight: 50)
            if estimator.limit > 0 { limited += 1 }
        }
        #expect(estimator.limit == 0)
        #expect(limited < 40, "the limit was tried a few times, for the time of some requests")
    }

    @Test("One slow judgement is chance: only the second in a row makes a limit")
    func chance() {
        var estimator = ConcurrencyEstimator()
        let worker = Worker(running: 8)
        _ = run(&estimator, worker, offered: 8, windows: 3)
        estimator.windowEnded(worker.window(inFlight: 80), inFlight: 80)
        #expect(estimator.limit == 0)
        estimator.windowEnded(worker.window(inFlight: 80), inFlight: 80)
        #expect(estimator.limit > 0)
    }
}
