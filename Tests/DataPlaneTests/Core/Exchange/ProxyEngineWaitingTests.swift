import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct ProxyEngineWaitingTests {
    private static let post = "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"

    @Test("Without a snapshot and without workers the answer is 503 with Retry-After")
    func nobody() throws {
        var bench = EngineBench()
        let client = bench.accept()
        bench.receive(client, Self.post)
        #expect(bench.network.takeText(client).contains("no_snapshot"))
        try bench.apply([])
        bench.receive(client, Self.post)
        let answer = bench.network.takeText(client)
        #expect(answer.hasPrefix("HTTP/1.1 503 "))
        #expect(answer.contains("\r\nRetry-After: 1\r\n"))
        #expect(!bench.network.isClosed(client))
    }

    @Test("A request that finds only pending workers waits until one is ready")
    func pending() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1, wasReady: false)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        #expect(bench.network.upstreams.isEmpty)
        #expect(bench.network.connections[client]?.deadline == MonotonicTime(milliseconds: 61_000))
        try bench.apply([Samples.worker(1)])
        #expect(bench.network.takeText(bench.openUpstream()).hasSuffix("\r\n\r\nabc"))
        #expect(bench.network.connections[client]?.deadline == nil)
    }

    @Test("The wait has an end")
    func waitEnds() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1, wasReady: false)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        bench.network.now = MonotonicTime(milliseconds: 61_001)
        bench.engine.deadlinePassed(client, &bench.network)
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 503 "))
        try bench.apply([Samples.worker(1)])
        #expect(bench.network.upstreams.isEmpty)
        #expect(bench.inFlight == 0)
    }

    @Test("A client that goes away while it waits is forgotten")
    func clientGone() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1, wasReady: false)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        bench.engine.ended(client, &bench.network)
        try bench.apply([Samples.worker(1)])
        #expect(bench.network.upstreams.isEmpty)
        #expect(bench.inFlight == 0)
    }

    @Test("No request goes to a worker that a table does not have any more, also not on an idle connection")
    func removedWorker() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        let upstream = bench.openUpstream()
        bench.receive(upstream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        try bench.apply([Samples.worker(2)])
        #expect(bench.network.isClosed(upstream))
        bench.receive(client, Self.post)
        #expect(bench.network.takeText(bench.openUpstream()).contains("Host: worker-2:8000"))
    }

    @Test("A stream of a removed worker goes on to its end, and its connection is then closed")
    func streamOfRemovedWorker() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        let upstream = bench.openUpstream()
        bench.receive(upstream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        try bench.apply([Samples.worker(2)])
        bench.receive(upstream, "1\r\nb\r\n0\r\n\r\n")
        #expect(bench.network.takeText(client).hasSuffix("1\r\na\r\n1\r\nb\r\n0\r\n\r\n"))
        #expect(bench.inFlight == 0)
    }
}
