import SignalboxProtocol
import Synchronization
import Testing

@testable import DataPlaneCore

/// The byte budget of buffers: what is over it is refused or slowed down, and every count returns to 0.
struct ProxyEngineBudgetTests {
    private static let tight = Samples.settings { $0.bufferBytesMax = 100_000 }

    private static func head(_ bytes: Int) -> String {
        "POST /generate HTTP/1.1\r\nHost: a\r\nContent-Length: \(bytes)\r\n\r\n"
    }

    @Test("A body that would go over the budget is refused before it is read, a small one is not")
    func declaredBody() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)], settings: Self.tight)
        let first = bench.accept()
        bench.receive(first, Self.head(90_000) + String(repeating: "x", count: 60_000))
        let second = bench.accept()
        bench.receive(second, Self.head(50_000))
        let answer = bench.network.takeText(second)
        #expect(answer.hasPrefix("HTTP/1.1 503 "))
        #expect(answer.contains("\r\nRetry-After: 1\r\n") && answer.contains("buffers_full"))
        let third = bench.accept()
        bench.receive(third, Self.head(3) + "abc")
        #expect(bench.network.upstreams.count == 1)
    }

    @Test("A chunked body is refused when it has grown over the budget")
    func chunkedBody() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)], settings: Self.tight)
        let client = bench.accept()
        bench.receive(client, "POST /generate HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        let chunk = "c350\r\n" + String(repeating: "x", count: 50_000) + "\r\n"
        bench.receive(client, chunk)
        #expect(bench.network.takeText(client) == "")
        bench.receive(client, chunk + "1\r\nx\r\n")
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 503 "))
        #expect(bench.counters.bufferBytes == 0)
    }

    @Test("What other threads hold counts as well")
    func otherThreads() throws {
        let others = ThreadCounters()
        var bench = EngineBench(otherCounters: [others])
        try bench.apply([Samples.worker(1)], settings: Self.tight)
        others.bodyBytes.store(99_000, ordering: .relaxed)
        bench.engine.batchEnded(&bench.network)
        let client = bench.accept()
        bench.receive(client, Self.head(50_000))
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 503 "))
    }

    @Test("While the budget is used up a slow reader's worker is paused much earlier")
    func scarce() throws {
        for (bufferBytesMax, isPaused) in [(1_000_000, false), (4_000, true)] {
            var bench = EngineBench()
            try bench.apply([Samples.worker(1)], settings: Samples.settings { $0.bufferBytesMax = bufferBytesMax })
            let client = bench.accept()
            bench.receive(client, "GET /get_model_info HTTP/1.1\r\nHost: a\r\n\r\n")
            let upstream = bench.openUpstream()
            bench.receive(upstream, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            bench.network.connections[client]?.queued = 5_000
            bench.engine.batchEnded(&bench.network)
            bench.receive(upstream, "x")
            #expect(bench.network.connections[upstream]?.isPaused == isPaused)
        }
    }

    @Test("Parts of heads and requests that were sent ahead are counted, and forgotten with their connection")
    func input() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, "GET /health HT")
        #expect(bench.counters.inputBytes.load(ordering: .relaxed) == 14)
        bench.receive(client, "TP/1.1\r\nHost: a\r\n\r\n")
        #expect(bench.counters.inputBytes.load(ordering: .relaxed) == 0)
        bench.receive(client, "GET /get_model_info HTTP/1.1\r\nHost: a\r\n\r\nGET /a")
        #expect(bench.counters.inputBytes.load(ordering: .relaxed) == 6)
        let upstream = bench.openUpstream()
        bench.receive(upstream, "HTTP/1.1 200")
        #expect(bench.counters.inputBytes.load(ordering: .relaxed) == 18)
        bench.engine.ended(client, &bench.network)
        #expect(bench.counters.inputBytes.load(ordering: .relaxed) == 0)
    }

    @Test("With as many connections as there may be, an idle one makes room")
    func upstreams() throws {
        var configuration = EngineConfiguration()
        configuration.connectionsMax = 2
        var bench = EngineBench(configuration: configuration)
        try bench.apply([Samples.worker(1), Samples.worker(2)])
        let client = bench.accept()
        bench.receive(client, Self.head(1) + "x")
        let first = bench.openUpstream()
        bench.receive(first, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(!bench.network.isClosed(first))
        bench.receive(client, Self.head(1) + "x")
        #expect(bench.network.upstreams.count == 2)
        #expect(bench.network.isClosed(first))
    }
}
