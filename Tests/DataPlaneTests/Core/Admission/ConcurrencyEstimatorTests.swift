import Testing

@testable import DataPlaneCore

struct ConcurrencyEstimatorTests {
    /// A worker that runs some requests at one time, a second each, and queues the others; clients leave after `patience`.
    private struct Worker {
        var running = 8
        var milliseconds = 1_000.0
        var patience = Double.infinity

        /// A window of the requests of a while, by Little's law; where they take longer than clients wait, half leave.
        func window(inFlight: Int, requests: Int = 40) -> DurationWindow {
            let took = milliseconds * max(1, Double(inFlight) / Double(running))
            let leavers = took > patience ? requests / 2 : 0
            let completed = requests - leavers
            return DurationWindow(
                requests: requests,
                abandoned: leavers,
                completedMilliseconds: Int(min(took, patience * 0.9)) * completed,
                abandonedMilliseconds: leavers > 0 ? Int(patience) * leavers : 0,
                elapsedMilliseconds: Double(completed) * milliseconds / Double(min(inFlight, running))
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

    @Test("However long requests take, while clients wait there is no limit", arguments: [1, 8, 100])
    func patient(offered: Int) {
        var estimator = ConcurrencyEstimator()
        _ = run(&estimator, Worker(), offered: 1, windows: 3)
        _ = run(&estimator, Worker(milliseconds: 30_000), offered: offered, windows: 100)
        #expect(estimator.limit == 0)
    }

    @Test("Clients that leave a full worker make a limit that answers the others in time", arguments: [8, 32, 256])
    func overload(running: Int) {
        var estimator = ConcurrencyEstimator()
        let worker = Worker(running: running, patience: 2_500)
        _ = run(&estimator, worker, offered: running, windows: 3)
        let inFlight = run(&estimator, worker, offered: running * 4, windows: 1_000)
        #expect(inFlight.allSatisfy { $0 >= running }, "never below what it runs at one time")
        // Now and then a window tries whether clients wait longer than they did.
        #expect(inFlight.filter { $0 > running * 5 / 2 }.count <= 50)
    }

    @Test("A worker that becomes faster gets more again")
    func recovers() {
        var estimator = ConcurrencyEstimator()
        _ = run(&estimator, Worker(patience: 2_500), offered: 8, windows: 3)
        _ = run(&estimator, Worker(patience: 2_500), offered: 100, windows: 20)
        #expect((8...20).contains(estimator.limit))
        #expect(run(&estimator, Worker(running: 64, patience: 2_500), offered: 64, windows: 40).last == 64)
    }

    @Test("Where as many leave after the cut the limit goes, and leaving clients mean nothing for a while")
    func fickleClients() {
        var estimator = ConcurrencyEstimator()
        _ = run(&estimator, Worker(), offered: 8, windows: 3)
        // Two in five leave after three seconds, whatever the limit is, and the others take long for another reason.
        let window = DurationWindow(
            requests: 20,
            abandoned: 8,
            completedMilliseconds: 12 * 2_000,
            abandonedMilliseconds: 8 * 3_000,
            elapsedMilliseconds: 400
        )
        var limited = 0
        for _ in 0..<1_000 {
            estimator.windowEnded(window, inFlight: estimator.limit == 0 ? 100 : min(100, estimator.limit))
            if estimator.limit > 0 { limited += 1 }
        }
        #expect((1..<60).contains(limited), "the limit was tried a few times, for some seconds")
    }

    @Test("A limit of which nothing is seen is dropped", arguments: [(4_000.0, true), (20_000.0, false)])
    func silence(milliseconds: Double, remains: Bool) {
        var estimator = ConcurrencyEstimator()
        let worker = Worker(patience: 2_500)
        _ = run(&estimator, worker, offered: 8, windows: 3)
        _ = run(&estimator, worker, offered: 40, windows: 3)
        #expect(estimator.limit > 0)
        estimator.wasSilent(milliseconds: milliseconds, inFlight: estimator.limit)
        #expect((estimator.limit > 0) == remains)
    }
}
