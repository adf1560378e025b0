import SignalboxProtocol
import Testing

@testable import DataPlaneCore

@Suite("A worker that has fallen silent")
struct ProxyEngineSilenceTests {
    private static let post = "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    private static let workers = [Samples.worker(1), Samples.worker(2)]

    private static func settings(_ change: (inout RoutingSettings) -> Void = { _ in }) -> RoutingSettings {
        Samples.settings {
            $0.timeouts.firstByteMilliseconds = 600_000
            $0.breaker.failureThreshold = 2
            change(&$0)
        }
    }

    private static func bench(_ change: (inout RoutingSettings) -> Void = { _ in }) throws -> EngineBench {
        var bench = EngineBench()
        try bench.apply(workers, settings: settings(change))
        return bench
    }

    /// A client whose request is at worker 1.
    private static func ask(_ bench: inout EngineBench) -> (client: ConnectionID, upstream: ConnectionID) {
        let client = bench.accept()
        bench.receive(client, post)
        let upstream = bench.openUpstream()
        #expect(bench.worker(of: upstream) == 1)
        return (client, upstream)
    }

    private static func observe(
        _ bench: inout EngineBench,
        silent: Bool,
        _ change: (inout RoutingSettings) -> Void = { _ in }
    ) throws {
        try bench.apply(workers, settings: settings(change), unhealthy: [0], silent: silent)
    }

    @Test("loses the requests that await its first byte to another one at once")
    func observed() throws {
        var bench = try Self.bench()
        let (client, upstream) = Self.ask(&bench)
        bench.elapse(milliseconds: 5_000)
        try Self.observe(&bench, silent: true)
        #expect(bench.network.isClosed(upstream))
        #expect(bench.network.takeText(bench.openUpstream()).contains("Host: worker-2:8000"))
        bench.answer(bench.network.upstreams[1], status: 200, body: "ok")
        #expect(bench.network.takeText(client).hasSuffix("\r\n\r\nok"))
        #expect(bench.inFlight == 0 && bench.totalLoad == 0)
    }

    @Test("loses them only after five seconds without a byte, and then without any further event")
    func grace() throws {
        var bench = try Self.bench()
        let (_, upstream) = Self.ask(&bench)
        bench.elapse(milliseconds: 1_000)
        try Self.observe(&bench, silent: true)
        bench.elapse(milliseconds: 3_999)
        bench.engine.batchEnded(&bench.network)
        #expect(!bench.network.isClosed(upstream) && bench.engine.looksForSilence)
        bench.elapse(milliseconds: 1)
        bench.engine.batchEnded(&bench.network)
        #expect(bench.network.isClosed(upstream) && !bench.engine.looksForSilence)
        #expect(bench.network.upstreams.map { bench.worker(of: $0) } == [1, 2])
    }

    @Test("keeps them while it sends something to anybody: it is slow, not dead")
    func slow() throws {
        var bench = try Self.bench()
        let (_, upstream) = Self.ask(&bench)
        let other = bench.accept()
        bench.receive(other, Self.post)
        bench.receive(other, Self.post)
        let third = bench.accept()
        bench.receive(third, Self.post)
        let stream = bench.openUpstream()
        #expect(bench.worker(of: stream) == 1)
        bench.receive(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        bench.elapse(milliseconds: 10_000)
        bench.receive(stream, "a")
        try Self.observe(&bench, silent: true)
        #expect(!bench.network.isClosed(upstream))
        bench.elapse(milliseconds: 4_000)
        bench.receive(stream, "b")
        bench.elapse(milliseconds: 4_999)
        bench.engine.batchEnded(&bench.network)
        #expect(!bench.network.isClosed(upstream))
        bench.elapse(milliseconds: 1)
        bench.engine.batchEnded(&bench.network)
        #expect(bench.network.isClosed(upstream))
        // The client of the stream has got a part: it waits on.
        #expect(!bench.network.isClosed(stream) && !bench.network.isClosed(third))
    }

    @Test("is no worker that refuses connections or answers its probes with errors: that one may finish what it has")
    func refusing() throws {
        var bench = try Self.bench()
        let (_, upstream) = Self.ask(&bench)
        bench.elapse(milliseconds: 60_000)
        try Self.observe(&bench, silent: false)
        bench.elapse(milliseconds: 60_000)
        bench.engine.batchEnded(&bench.network)
        #expect(!bench.network.isClosed(upstream) && bench.network.upstreams.count == 1)
    }

    @Test("is not left where nobody else is, where attempts are used up, or where the setting forbids it")
    func nowhereElse() throws {
        for change in [
            { $0.retry.silenceMilliseconds = 0 }, { $0.retry.attemptsMax = 1 },
        ] as [(inout RoutingSettings) -> Void] {
            var bench = try Self.bench(change)
            let (_, upstream) = Self.ask(&bench)
            bench.elapse(milliseconds: 60_000)
            try Self.observe(&bench, silent: true, change)
            bench.elapse(milliseconds: 60_000)
            bench.engine.batchEnded(&bench.network)
            #expect(!bench.network.isClosed(upstream))
        }
        var bench = try Self.bench()
        let (_, upstream) = Self.ask(&bench)
        bench.elapse(milliseconds: 60_000)
        try bench.apply(Self.workers, settings: Self.settings(), unhealthy: [0, 1], silent: true)
        #expect(!bench.network.isClosed(upstream))
        // The other one is back before it.
        try Self.observe(&bench, silent: true)
        #expect(bench.network.isClosed(upstream))
    }

    @Test("is left only for room that there is, and by no more requests than the retry budget pays for")
    func roomAndBudget() throws {
        let full: (inout RoutingSettings) -> Void = { $0.admission.workerRequestsMax = 1 }
        var bench = try Self.bench(full)
        let (_, upstream) = Self.ask(&bench)
        let other = bench.accept()
        bench.receive(other, Self.post)
        let taken = bench.openUpstream()
        bench.elapse(milliseconds: 10_000)
        try Self.observe(&bench, silent: true, full)
        #expect(!bench.network.isClosed(upstream))
        bench.answer(taken, status: 200)
        bench.elapse(milliseconds: 250)
        bench.engine.batchEnded(&bench.network)
        #expect(bench.network.isClosed(upstream))

        let poor: (inout RoutingSettings) -> Void = { $0.retry.budgetPercent = 0 }
        var crowd = EngineBench()
        try crowd.apply(Self.workers, settings: Self.settings(poor), unhealthy: [1])
        for _ in 0..<150 {
            crowd.receive(crowd.accept(), Self.post)
            _ = crowd.openUpstream()
        }
        crowd.elapse(milliseconds: 10_000)
        try crowd.apply(Self.workers, settings: Self.settings(poor), unhealthy: [0], silent: true)
        // As many as there are requests in flight, which may all have been there, are kept in the budget at most.
        #expect(crowd.network.upstreams.count { crowd.worker(of: $0) == 2 } == 150)
    }

    @Test("loses them too when its breaker opens because others have waited in vain, on whichever thread")
    func breaker() throws {
        var bench = EngineBench(otherCounters: [ThreadCounters(thread: 3)])
        try bench.apply(Self.workers, settings: Self.settings { $0.timeouts.connectMilliseconds = 1_000 })
        let (client, upstream) = Self.ask(&bench)
        bench.elapse(milliseconds: 3_000)
        for _ in 0..<4 {
            let other = bench.accept()
            bench.receive(other, Self.post)
            if let newest = bench.network.upstreams.last, bench.worker(of: newest) == 2 {
                bench.answer(bench.openUpstream(), status: 200, fields: "Connection: close\r\n")
            }
        }
        bench.elapse(milliseconds: 1_000)
        #expect(bench.shared.breakers.reports(at: bench.network.now)[0]?.state == .open)
        bench.network.woken = []
        bench.engine.batchEnded(&bench.network)
        // A thread without deadlines sleeps without a time.
        #expect(bench.network.woken == [3])
        #expect(!bench.network.isClosed(upstream))
        bench.elapse(milliseconds: 1_000)
        bench.engine.batchEnded(&bench.network)
        #expect(bench.network.isClosed(upstream))
        bench.answer(bench.openUpstream(), status: 200, body: "ok")
        #expect(bench.network.takeText(client).hasSuffix("ok"))
    }

    @Test("is not what a breaker says that was opened by answers")
    func breakerByStatus() throws {
        var bench = try Self.bench {
            $0.retry.attemptsMax = 2
            $0.timeouts.connectMilliseconds = 600_000
        }
        let (_, upstream) = Self.ask(&bench)
        for _ in 0..<4 {
            let other = bench.accept()
            bench.receive(other, Self.post)
            if let newest = bench.network.upstreams.last, bench.worker(of: newest) == 1, newest != upstream {
                bench.answer(bench.openUpstream(), status: 503, fields: "Connection: close\r\n")
            }
        }
        #expect(bench.shared.breakers.reports(at: bench.network.now)[0]?.state == .open)
        bench.elapse(milliseconds: 60_000)
        bench.engine.batchEnded(&bench.network)
        #expect(!bench.network.isClosed(upstream))
    }
}
