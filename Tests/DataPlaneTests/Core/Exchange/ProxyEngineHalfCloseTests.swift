import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct ProxyEngineHalfCloseTests {
    private static let get = "GET /get_model_info HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    private static func bench(_ halfClose: HalfClose) throws -> EngineBench {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)], settings: Samples.settings { $0.halfClose = halfClose })
        return bench
    }

    @Test("A client that closes its sending side has gone, and its worker's connection is closed")
    func abort() throws {
        var bench = try Self.bench(.abort)
        let client = bench.accept()
        bench.receive(client, Self.get)
        let upstream = bench.openUpstream()
        bench.engine.ended(client, &bench.network)
        #expect(bench.network.isClosed(client) && bench.network.isClosed(upstream))
        #expect(bench.inFlight == 0 && bench.totalLoad == 0)
    }

    @Test("Where it is allowed, all requests that were sent before the end are answered, and then it closes")
    func allow() throws {
        var bench = try Self.bench(.allow)
        let client = bench.accept()
        bench.receive(client, Self.get + Self.get)
        let upstream = bench.openUpstream()
        bench.engine.hungUp(client, &bench.network)
        bench.engine.ended(client, &bench.network)
        bench.receive(upstream, Self.ok)
        #expect(bench.network.takeText(client).hasSuffix("ok"))
        #expect(!bench.network.isClosed(client))
        bench.receive(upstream, Self.ok)
        #expect(bench.network.takeText(client).hasSuffix("ok"))
        #expect(bench.network.connections[client]?.closed == .graceful)
        #expect(bench.inFlight == 0 && bench.totalLoad == 0)
    }

    @Test("A request that is not whole at the end never will be", arguments: ["GET /heal", "POST /generate"])
    func unfinished(start: String) throws {
        var bench = try Self.bench(.allow)
        let client = bench.accept()
        let rest = start == "GET /heal" ? "" : " HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"
        bench.receive(client, start + rest)
        bench.engine.ended(client, &bench.network)
        #expect(bench.network.isClosed(client))
        #expect(bench.inFlight == 0)
        let outcomes = [MetricsLayout.RequestOutcome.clientGone, .cut].map { outcome in
            bench.counters.metrics[MetricsLayout.request(.generate, outcome)]
        }
        let began: UInt64 = start == "GET /heal" ? 0 : 1
        #expect(outcomes == [began, 0])
        #expect(bench.counters.metrics[MetricsLayout.aborts + MetricsLayout.AbortPhase.upload.rawValue] == began)
    }

    @Test("What is left behind the last whole request is given up with it")
    func unfinishedBehind() throws {
        var bench = try Self.bench(.allow)
        let client = bench.accept()
        bench.receive(client, Self.get + "GET /heal")
        let upstream = bench.openUpstream()
        bench.engine.ended(client, &bench.network)
        bench.receive(upstream, Self.ok)
        #expect(bench.network.takeText(client).hasSuffix("ok"))
        #expect(bench.network.isClosed(client))
    }

    @Test("Answers of the proxy itself count as well, and so does an empty line at the end")
    func localAnswers() throws {
        let health = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
        for (rest, answers) in [(health + health, 3), ("\r\n", 1), (health + "\r\n", 2)] {
            var bench = try Self.bench(.allow)
            let client = bench.accept()
            bench.receive(client, Self.get + rest)
            let upstream = bench.openUpstream()
            bench.engine.ended(client, &bench.network)
            bench.receive(upstream, Self.ok)
            #expect(bench.network.takeText(client).split(separator: "HTTP/1.1 200").count == answers)
            #expect(bench.network.connections[client]?.closed == .graceful)
        }
    }

    @Test("An answer that is still queued is not lost by the end", arguments: ["", "GET /he"])
    func queuedAnswer(rest: String) throws {
        var bench = try Self.bench(.allow)
        let client = bench.accept()
        bench.receive(client, Self.get + rest)
        let upstream = bench.openUpstream()
        if !rest.isEmpty { bench.engine.ended(client, &bench.network) }
        bench.network.connections[client]?.queued = 10_000
        bench.receive(upstream, Self.ok)
        if rest.isEmpty { bench.engine.ended(client, &bench.network) }
        #expect(bench.network.connections[client]?.closed == .graceful)
    }
}
