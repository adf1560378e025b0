import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct ProxyEngineBreakerTests {
    private static let post = "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"

    private static func bench(_ change: (inout RoutingSettings) -> Void = { _ in }) throws -> EngineBench {
        var bench = EngineBench()
        try bench.apply(
            [Samples.worker(1), Samples.worker(2)],
            settings: Samples.settings {
                $0.retry.attemptsMax = 1
                $0.breaker.failureThreshold = 2
                $0.breaker.successThreshold = 1
                change(&$0)
            }
        )
        return bench
    }

    /// Requests one after the other, each on a connection of its own; worker 1 answers `status`, the others 200.
    private func send(_ count: Int, to bench: inout EngineBench, status: Int) -> [UInt8] {
        (0..<count).compactMap { _ in
            let before = bench.network.upstreams.count
            let client = bench.accept()
            bench.receive(client, Self.post)
            let opened = bench.network.upstreams.count > before ? bench.openUpstream() : nil
            let upstream = opened ?? bench.network.upstreams.last { !bench.network.takeText($0).isEmpty }
            guard let upstream, let worker = bench.worker(of: upstream) else { return nil }
            _ = bench.network.takeText(upstream)
            bench.answer(upstream, status: worker == 1 ? status : 200)
            bench.engine.ended(client, &bench.network)
            return worker
        }
    }

    @Test(
        "A worker that answers 502, 503 or 504 in a row gets nothing for a second, then a trial",
        arguments: 502...504
    )
    func opens(status: Int) throws {
        var bench = try Self.bench()
        #expect(send(4, to: &bench, status: status) == [1, 2, 1, 2])
        #expect(send(4, to: &bench, status: status) == [2, 2, 2, 2])
        bench.elapse(milliseconds: 1_000)
        #expect(send(4, to: &bench, status: status).count { $0 == 1 } == 1)
        bench.elapse(milliseconds: 2_000)
        #expect(send(4, to: &bench, status: 200).count { $0 == 1 } == 2)
        #expect(bench.shared.breakers.reports(at: bench.network.now).isEmpty)
    }

    @Test("No client can take a worker out with answers that it provokes", arguments: [400, 404, 422, 429, 500])
    func provoked(status: Int) throws {
        var bench = try Self.bench()
        #expect(send(40, to: &bench, status: status).count { $0 == 1 } == 20)
    }

    @Test("A setting restores the original's counting: every status but 2xx", arguments: [400, 404, 500])
    func errors(status: Int) throws {
        var bench = try Self.bench { $0.breaker.counts = .errors }
        #expect(send(8, to: &bench, status: status).count { $0 == 1 } == 2)
    }

    @Test("Refused connections open the breaker, and the only worker left stays in")
    func refused() throws {
        var bench = try Self.bench { $0.retry.attemptsMax = 5 }
        for _ in 0..<6 {
            let client = bench.accept()
            bench.receive(client, Self.post)
            if let upstream = bench.network.upstreams.last, bench.worker(of: upstream) == 1 {
                bench.engine.broken(upstream, &bench.network)
            }
        }
        #expect(bench.network.upstreams.count { bench.worker(of: $0) == 1 } == 2)
        #expect(bench.network.upstreams.count { bench.worker(of: $0) == 2 } == 6)
        #expect(bench.shared.breakers.reports(at: bench.network.now)[0]?.state == .open)
    }

    @Test("A stream that breaks in the middle counts, one whose client goes away does not")
    func streams() throws {
        for (clientLeaves, state) in [(true, nil), (false, BreakerState.open)] {
            var bench = try Self.bench()
            for _ in 0..<4 {
                let client = bench.accept()
                bench.receive(client, Self.post)
                let upstream = bench.openUpstream()
                bench.receive(upstream, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
                if clientLeaves {
                    bench.engine.ended(client, &bench.network)
                } else if bench.worker(of: upstream) == 1 {
                    bench.engine.ended(upstream, &bench.network)
                }
            }
            #expect(bench.shared.breakers.reports(at: bench.network.now)[0]?.state == state)
        }
    }

    @Test("A worker whose probes succeed again is tried at once")
    func recovery() throws {
        var bench = try Self.bench()
        _ = send(4, to: &bench, status: 503)
        let workers = [Samples.worker(1), Samples.worker(2)]
        let settings = Samples.settings { $0.breaker.successThreshold = 1 }
        try bench.apply(workers, settings: settings, unhealthy: [0])
        #expect(send(4, to: &bench, status: 200) == [2, 2, 2, 2])
        try bench.apply(workers, settings: settings)
        #expect(send(4, to: &bench, status: 200).count { $0 == 1 } == 2)
    }

    @Test("An incarnation that takes the place of another one inherits no breaker")
    func incarnations() throws {
        var bench = try Self.bench()
        _ = send(4, to: &bench, status: 503)
        try bench.apply([Samples.worker(2)])
        try bench.apply([Samples.worker(3), Samples.worker(2)])
        #expect(bench.shared.breakers.reports(at: bench.network.now).isEmpty)
    }
}
