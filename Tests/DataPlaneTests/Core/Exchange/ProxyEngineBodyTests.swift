import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct ProxyEngineBodyTests {
    private static let chunked = "POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

    private func smallBench() throws -> EngineBench {
        var configuration = EngineConfiguration()
        configuration.heldBodyBytesMax = 10
        var bench = EngineBench(configuration: configuration)
        try bench.apply([Samples.worker(1)], settings: Samples.settings { $0.payloadBytesMax = 100 })
        return bench
    }

    @Test("A chunk that announces too much is refused before its content comes")
    func announcedChunk() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)], settings: Samples.settings { $0.payloadBytesMax = 5000 })
        let client = bench.accept()
        bench.receive(client, "POST /generate HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1389\r\n")
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 413 "))
    }

    @Test("A few empty lines before a request are passed over, a flood is not")
    func emptyLines() throws {
        for (count, status) in [(8, "200"), (9, "400")] {
            var bench = EngineBench()
            try bench.apply([Samples.worker(1)])
            let client = bench.accept()
            let lines = String(repeating: "\r\n", count: count)
            bench.receive(client, "\(lines)GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 \(status) "))
        }
    }

    @Test("A held chunked body is sent on with its length")
    func heldChunked() throws {
        var bench = try smallBench()
        let client = bench.accept()
        bench.receive(
            client,
            Self.chunked + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        )
        #expect(bench.network.takeText(bench.openUpstream()).hasSuffix("Content-Length: 5\r\n\r\nabcde"))
    }

    @Test("A large body is streamed with its own framing, and the client waits while the worker does not read")
    func streamed() throws {
        var bench = try smallBench()
        let client = bench.accept()
        bench.receive(
            client,
            Self.chunked + "c\r\n0123456789ab\r\n"
        )
        let upstream = bench.openUpstream()
        #expect(bench.network.takeText(upstream).hasSuffix("Transfer-Encoding: chunked\r\n\r\nc\r\n0123456789ab\r\n"))
        #expect(bench.network.connections[client]?.isPaused == false)
        bench.network.connections[upstream]?.queued = 300_000
        bench.receive(client, "2\r\ncd\r\n")
        #expect(bench.network.connections[client]?.isPaused == true)
        bench.network.connections[upstream]?.queued = 0
        bench.engine.drained(upstream, &bench.network)
        #expect(bench.network.connections[client]?.isPaused == false)
        bench.receive(client, "0\r\n\r\n")
        #expect(bench.network.takeText(upstream) == "2\r\ncd\r\n0\r\n\r\n")
        bench.receive(upstream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 200 OK"))
        #expect(!bench.network.isClosed(client))
        #expect(bench.inFlight == 0)
    }

    @Test("A streamed body whose chunks become invalid aborts the worker's request")
    func invalidStream() throws {
        var bench = try smallBench()
        let client = bench.accept()
        bench.receive(
            client,
            Self.chunked + "c\r\n0123456789ab\r\n"
        )
        let upstream = bench.openUpstream()
        bench.receive(client, "zz\r\n")
        #expect(bench.network.isClosed(upstream))
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 400 "))
        #expect(bench.network.isClosed(client))
        #expect(bench.inFlight == 0)
    }

    @Test("A large body goes to another worker when the first one refuses the connection")
    func streamedElsewhere() throws {
        var configuration = EngineConfiguration()
        configuration.heldBodyBytesMax = 10
        var bench = EngineBench(configuration: configuration)
        try bench.apply([Samples.worker(1), Samples.worker(2)])
        let client = bench.accept()
        bench.receive(client, "POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 14\r\n\r\n0123456789ab")
        bench.engine.broken(bench.network.upstreams[0], &bench.network)
        let second = bench.openUpstream()
        bench.receive(client, "cd")
        let sent = bench.network.takeText(second)
        #expect(sent.contains("Host: worker-2:8000"))
        #expect(sent.hasSuffix("\r\n\r\n0123456789abcd"))
        bench.engine.ended(client, &bench.network)
        #expect(bench.inFlight == 0)
    }

    @Test("A worker that takes nothing of an upload for the idle time is given up with 504")
    func stalledUpload() throws {
        var bench = try smallBench()
        let client = bench.accept()
        bench.receive(client, Self.chunked + "c\r\n0123456789ab\r\n")
        let upstream = bench.openUpstream()
        bench.network.connections[upstream]?.queued = 300_000
        bench.receive(client, "2\r\ncd\r\n")
        #expect(bench.network.connections[client]?.deadline == nil)
        #expect(bench.network.connections[upstream]?.deadline == MonotonicTime(milliseconds: 31_000))
        bench.network.connections[upstream]?.queued = 200_000
        bench.engine.deadlinePassed(upstream, &bench.network)
        #expect(!bench.network.isClosed(upstream))
        bench.engine.deadlinePassed(upstream, &bench.network)
        #expect(bench.network.isClosed(upstream))
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 504 "))
        #expect(bench.network.isClosed(client))
        #expect(bench.inFlight == 0)
    }

    @Test("An answer that comes before the upload is complete ends both connections")
    func earlyAnswer() throws {
        var bench = try smallBench()
        let client = bench.accept()
        bench.receive(client, "POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n0123456789ab")
        let upstream = bench.openUpstream()
        bench.receive(upstream, "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n")
        let answer = bench.network.takeText(client)
        #expect(answer.hasPrefix("HTTP/1.1 413 No\r\n"))
        #expect(answer.contains("Connection: close\r\n"))
        #expect(bench.network.isClosed(client))
        #expect(bench.network.isClosed(upstream))
    }

    @Test("Bodies over the limit are 413: at once when the length is known, else when they exceed it")
    func payloadLimit() throws {
        var bench = try smallBench()
        let known = bench.accept()
        bench.receive(known, "POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n")
        #expect(bench.network.takeText(known).hasPrefix("HTTP/1.1 413 "))
        #expect(bench.network.isClosed(known))
        let unknown = bench.accept()
        bench.receive(unknown, "POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        bench.receive(unknown, "65\r\n" + String(repeating: "x", count: 101))
        #expect(bench.network.takeText(unknown).hasPrefix("HTTP/1.1 413 "))
        #expect(bench.network.upstreams.allSatisfy { bench.network.isClosed($0) })
        #expect(bench.inFlight == 0)
    }

    @Test("A JSON body must be JSON; a body of no declared type is passed on as it is")
    func validation() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        let head = "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
        bench.receive(client, head + "Content-Type: application/json\r\n\r\nabc")
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 400 "))
        #expect(!bench.network.isClosed(client))
        bench.receive(client, head + "\r\nabc")
        #expect(bench.network.takeText(bench.openUpstream()).hasSuffix("abc"))
    }

    @Test(
        "A body of no declared type that begins as JSON must be JSON",
        arguments: [("[[[", 400), (" \r\n{\"a\"", 400), ("{\"model\":1,\"model\":2}", 400), ("{}", 200), (" x[", 200)]
    )
    func undeclared(body: String, status: Int) throws {
        for pieces in [[body], body.map(String.init)] {
            var bench = EngineBench()
            try bench.apply([Samples.worker(1)])
            let client = bench.accept()
            let length = body.utf8.count
            bench.receive(client, "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n")
            for piece in pieces { bench.receive(client, piece) }
            if status == 200 {
                #expect(bench.network.takeText(bench.openUpstream()).hasSuffix(body))
            } else {
                #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 \(status) "))
                #expect(bench.network.upstreams.isEmpty)
            }
        }
    }

    @Test("A request line of the greatest length is served, wherever it was cut", arguments: 0...3)
    func longestLine(cut: Int) throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let around = "GET /get_model_info? HTTP/1.1".utf8.count
        let query = String(repeating: "a", count: RoutingSettings().requestLineBytesMax - around)
        let line = "GET /get_model_info?\(query) HTTP/1.1\r\n"
        let client = bench.accept()
        bench.receive(client, String(line.dropLast(cut)))
        bench.receive(client, String(line.suffix(cut)) + "Host: a\r\n\r\n")
        #expect(bench.network.takeText(bench.openUpstream()).hasPrefix("GET /get_model_info?aaa"))
    }

    @Test("A status without a reason has its space")
    func noReason() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, "GET /get_model_info HTTP/1.1\r\nHost: a\r\n\r\n")
        bench.receive(bench.openUpstream(), "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n")
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 200 \r\n"))
    }

    @Test("100 Continue is sent once the request is accepted, and not for one that is refused")
    func expectation() throws {
        var bench = try smallBench()
        let client = bench.accept()
        bench.receive(client, "POST /v1/x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        #expect(bench.network.takeText(client) == "HTTP/1.1 100 Continue\r\n\r\n")
        bench.receive(client, "abc")
        #expect(!bench.network.takeText(bench.openUpstream()).contains("Expect"))
        let refused = bench.accept()
        bench.receive(refused, "POST /nowhere HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        #expect(bench.network.takeText(refused).hasPrefix("HTTP/1.1 404 "))
        #expect(bench.network.isClosed(refused))
    }

    @Test("A slow reader pauses the worker; when it has read, the worker goes on")
    func slowReader() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, "GET /get_model_info HTTP/1.1\r\nHost: a\r\n\r\n")
        let upstream = bench.openUpstream()
        bench.network.connections[client]?.queued = 300_000
        bench.receive(upstream, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        #expect(bench.network.connections[upstream]?.isPaused == true)
        bench.network.connections[client]?.queued = 0
        bench.engine.drained(client, &bench.network)
        #expect(bench.network.connections[upstream]?.isPaused == false)
    }

    @Test("An answer that lasts until the close is chunked for HTTP/1.1 and plain for HTTP/1.0")
    func untilClose() throws {
        for (version, body) in [("1.1", "3\r\nabc\r\n0\r\n\r\n"), ("1.0", "\r\n\r\nabc")] {
            var bench = EngineBench()
            try bench.apply([Samples.worker(1)])
            let client = bench.accept()
            bench.receive(client, "GET /get_model_info HTTP/\(version)\r\nHost: a\r\n\r\n")
            let upstream = bench.openUpstream()
            bench.receive(upstream, "HTTP/1.0 200 OK\r\n\r\nabc")
            bench.engine.ended(upstream, &bench.network)
            #expect(bench.network.takeText(client).hasSuffix(body))
            #expect(bench.network.isClosed(client) == (version == "1.0"))
            #expect(bench.inFlight == 0)
        }
    }

    @Test("A head and a held body that drip are ended by the time of their first byte, not of their last")
    func dripping() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, "POST /v1/x HTTP/1.1\r\n")
        let headDeadline = bench.network.connections[client]?.deadline
        bench.network.now = MonotonicTime(milliseconds: 20_000)
        bench.receive(client, "Host: a\r\n")
        #expect(bench.network.connections[client]?.deadline == headDeadline)
        bench.receive(client, "Content-Length: 1000\r\n\r\n")
        for second in 1...25 {
            bench.network.now = MonotonicTime(milliseconds: 20_000 + second * 1_000)
            bench.receive(client, "x")
        }
        let deadline = try #require(bench.network.connections[client]?.deadline)
        #expect(deadline.milliseconds < 20_000 + 31_000)
        bench.engine.deadlinePassed(client, &bench.network)
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 408 "))
        #expect(bench.network.isClosed(client))
    }
}
