import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct ProxyEngineTests {
    private static let post = "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Worker: 1\r\n\r\nok"

    @Test("A request goes to the worker and its answer comes back; both connections are used again")
    func keepAlive() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        let upstream = bench.openUpstream()
        #expect(
            bench.network.takeText(upstream)
                == "POST /v1/completions HTTP/1.1\r\nHost: worker-1:8000\r\n\(Samples.added)Content-Length: 3\r\n\r\nabc"
        )
        #expect(bench.totalLoad == 1)
        bench.receive(upstream, Self.ok)
        #expect(bench.network.takeText(client) == "HTTP/1.1 200 OK\r\nX-Worker: 1\r\nContent-Length: 2\r\n\r\nok")
        #expect(bench.totalLoad == 0)
        #expect(bench.inFlight == 0)

        bench.receive(client, Self.post)
        #expect(bench.network.upstreams.count == 1)
        #expect(bench.network.takeText(upstream).hasPrefix("POST /v1/completions"))
    }

    @Test("A request may arrive and an answer may leave in pieces of any size", arguments: [1, 2, 3, 7])
    func pieces(pieceBytes: Int) throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        for piece in Self.split("\r\n" + Self.post, pieceBytes) { bench.receive(client, piece) }
        let upstream = bench.openUpstream()
        #expect(bench.network.takeText(upstream).hasSuffix("\r\n\r\nabc"))
        for piece in Self.split(Self.ok, pieceBytes) { bench.receive(upstream, piece) }
        #expect(bench.network.takeText(client).hasSuffix("\r\n\r\nok"))
        #expect(bench.inFlight == 0)
    }

    @Test("Hop-by-hop and nominated fields stay here, end-to-end fields are passed on byte for byte")
    func fields() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(
            client,
            "GET /get_model_info HTTP/1.1\r\nHost: a\r\nConnection: X-Secret, keep-alive\r\nX-Secret: 1\r\nTE: trailers\r\n"
                + "Upgrade: h2c\r\nAuthorization:   Bearer k\r\ntracing: 00-1\r\nAccept-Encoding: gzip\r\n"
                + "X-Signalbox-Source-Address: 1.2.3.4\r\n\r\n"
        )
        let upstream = bench.openUpstream()
        #expect(
            bench.network.takeText(upstream)
                == "GET /get_model_info HTTP/1.1\r\nHost: worker-1:8000\r\nAuthorization:   Bearer k\r\n"
                + "tracing: 00-1\r\nAccept-Encoding: gzip\r\n\(Samples.added)\r\n"
        )
    }

    @Test("An answer without a date gets one, an answer with one keeps it")
    func date() throws {
        var bench = EngineBench()
        bench.network.dateLine = ByteBuffer("Date: now\r\n" as StaticString)
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        let upstream = bench.openUpstream()
        bench.receive(upstream, Self.ok)
        #expect(bench.network.takeText(client).contains("\r\nDate: now\r\n"))
        bench.receive(client, Self.post)
        bench.receive(upstream, Self.ok.replacing("X-Worker: 1", with: "DATE: then"))
        let answer = bench.network.takeText(client)
        #expect(answer.contains("\r\nDATE: then\r\n") && !answer.contains("now"))
        bench.receive(client, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(bench.network.takeText(client).contains("\r\nDate: now\r\n"))
    }

    @Test("Requests that are sent ahead are answered one after the other, in their order")
    func pipelining() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, Self.post + "GET /health HTTP/1.1\r\nHost: a\r\n\r\n" + Self.post)
        let upstream = bench.openUpstream()
        #expect(bench.network.takeText(client) == "")
        bench.receive(upstream, Self.ok)
        let answers = bench.network.takeText(client)
        #expect(answers.hasSuffix("\r\n\r\nOK"))
        #expect(answers.hasPrefix("HTTP/1.1 200 OK\r\nX-Worker: 1"))
        _ = bench.network.takeText(upstream)
        bench.receive(upstream, Self.ok)
        #expect(bench.network.takeText(client).hasSuffix("\r\n\r\nok"))
        #expect(bench.inFlight == 0)
    }

    @Test("A pooled connection that was closed under us is replaced by a fresh one, without the client noticing")
    func stalePooledConnection() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        let stale = bench.openUpstream()
        bench.receive(stale, Self.ok)
        _ = bench.network.takeText(client)
        bench.receive(client, Self.post)
        bench.engine.ended(stale, &bench.network)
        #expect(bench.network.upstreams.count == 2)
        let fresh = bench.openUpstream()
        #expect(bench.network.takeText(fresh).hasSuffix("\r\n\r\nabc"))
        bench.receive(fresh, Self.ok)
        #expect(bench.network.takeText(client).hasSuffix("\r\n\r\nok"))
        #expect(bench.totalLoad == 0)
    }

    @Test("A fresh connection that is closed without an answer is a 502 where no further attempt is allowed")
    func lostAnswer() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)], settings: Samples.settings { $0.retry.attemptsMax = 1 })
        let client = bench.accept()
        bench.receive(client, Self.post)
        let upstream = bench.openUpstream()
        bench.engine.ended(upstream, &bench.network)
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 502 "))
        #expect(bench.network.upstreams.count == 1)
        #expect(bench.totalLoad == 0)
        #expect(!bench.network.isClosed(client))
    }

    @Test("A worker that refuses the connection is passed over for another one")
    func refusedConnection() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1), Samples.worker(2)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        bench.engine.broken(bench.network.upstreams[0], &bench.network)
        #expect(bench.network.upstreams.count == 2)
        let second = bench.openUpstream()
        #expect(bench.network.connections[second]?.address == .ip(Samples.address(2), port: 8000))
        bench.receive(second, Self.ok)
        #expect(bench.network.takeText(client).hasSuffix("\r\n\r\nok"))
        #expect(bench.totalLoad == 0)
    }

    @Test("A client that goes away closes the worker's connection, in every phase", arguments: 0...3)
    func clientGone(phase: Int) throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, phase == 0 ? "POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab" : Self.post)
        if phase >= 2 { bench.receive(bench.openUpstream(), "HTTP/1.1 200 OK\r\nTransfer-Enc") }
        if phase == 3 { bench.receive(bench.network.upstreams[0], "oding: chunked\r\n\r\n3\r\nabc\r\n") }
        bench.engine.ended(client, &bench.network)
        #expect(bench.network.isClosed(client))
        #expect(bench.network.upstreams.allSatisfy { bench.network.isClosed($0) })
        #expect(bench.totalLoad == 0)
        #expect(bench.inFlight == 0)
        #expect(bench.engine.clientCount == 0)
    }

    @Test("A worker that dies between two events leaves an error event and no final chunk")
    func lostBetweenEvents() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        let upstream = bench.openUpstream()
        bench.receive(
            upstream,
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: a\n\n\r\n"
        )
        bench.engine.broken(upstream, &bench.network)
        let text = bench.network.takeText(client)
        #expect(text.contains("data: {\"error\":"))
        #expect(!text.contains("0\r\n\r\n"))
        #expect(bench.network.isClosed(client))
        #expect(bench.inFlight == 0)
    }

    @Test("A worker that dies inside an event leaves the body broken off, and no event")
    func lostInsideEvent() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        let upstream = bench.openUpstream()
        bench.receive(
            upstream,
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ndata:\r\n"
        )
        bench.engine.ended(upstream, &bench.network)
        let text = bench.network.takeText(client)
        #expect(!text.contains("error"))
        #expect(!text.contains("0\r\n\r\n"))
        #expect(bench.network.isClosed(client))
    }

    @Test("A connection with bytes behind its answer is never used again")
    func poisonedConnection() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        let upstream = bench.openUpstream()
        bench.receive(upstream, Self.ok + "HTTP/1.1 200 OK\r\n")
        #expect(bench.network.takeText(client).hasSuffix("\r\n\r\nok"))
        #expect(bench.network.isClosed(upstream))
    }

    @Test("Bytes on an idle connection close it")
    func unaskedBytes() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        let upstream = bench.openUpstream()
        bench.receive(upstream, Self.ok)
        bench.receive(upstream, Self.ok)
        #expect(bench.network.isClosed(upstream))
        bench.receive(client, Self.post)
        #expect(bench.network.upstreams.count == 2)
    }

    @Test("Interim responses are swallowed, a flood of them and a 101 are a 502")
    func interimResponses() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        bench.receive(bench.openUpstream(), "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + Self.ok)
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 200 OK\r\n"))

        for bad in ["HTTP/1.1 101 X\r\n\r\n", String(repeating: "HTTP/1.1 100 C\r\n\r\n", count: 17)] {
            bench.receive(client, Self.post)
            bench.receive(bench.network.upstreams[bench.network.upstreams.count - 1], bad)
            #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 502 "))
        }
    }

    @Test("A client that sends ahead and does not read gets no further answers until it has read")
    func sendsAheadWithoutReading() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.network.connections[client]?.queued = 300_000
        let health = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
        bench.receive(client, health + health)
        #expect(bench.network.takeText(client) == "")
        #expect(bench.network.connections[client]?.isPaused == true)
        bench.network.connections[client]?.queued = 0
        bench.engine.drained(client, &bench.network)
        #expect(bench.network.takeText(client).occurrences(of: "HTTP/1.1 200 OK") == 2)
        #expect(bench.network.connections[client]?.isPaused == false)
    }

    @Test("A bad head is answered, also behind a request that was proxied")
    func secondBadHead() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        bench.receive(bench.openUpstream(), Self.ok)
        _ = bench.network.takeText(client)
        bench.receive(client, "BAD\r\n\r\n")
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 400 "))
        #expect(bench.network.isClosed(client))
    }

    @Test("An empty line behind a request does not free the connection of its time limit")
    func trailingEmptyLine() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, Self.post + "\r\n")
        bench.receive(bench.openUpstream(), Self.ok)
        #expect(bench.network.connections[client]?.deadline != nil)
    }

    @Test("A worker that a newer table does not have is not tried again")
    func removedBeforeRetry() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        let stale = bench.openUpstream()
        bench.receive(stale, Self.ok)
        bench.receive(client, Self.post)
        try bench.apply([Samples.worker(2)])
        bench.engine.ended(stale, &bench.network)
        #expect(bench.network.takeText(bench.openUpstream()).contains("Host: worker-2:8000"))
        #expect(bench.totalLoad == 1)
    }

    @Test("A drain ends connections after their answer, and idle ones a moment later")
    func drain() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let busy = bench.accept()
        let idle = bench.accept()
        let unused = bench.accept()
        bench.receive(idle, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        bench.receive(busy, Self.post)
        let upstream = bench.openUpstream()
        bench.receive(upstream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
        bench.engine.drain(&bench.network)
        #expect(!bench.network.isClosed(idle) && !bench.network.isClosed(busy))
        for client in [idle, unused] {
            #expect(bench.network.connections[client]?.deadline == MonotonicTime(milliseconds: 2_000))
        }
        _ = bench.network.takeText(idle)
        bench.receive(idle, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(bench.network.takeText(idle).lowercased().contains("\r\nconnection: close\r\n"))
        #expect(bench.network.isClosed(idle))
        bench.engine.deadlinePassed(unused, &bench.network)
        #expect(bench.network.isClosed(unused) && bench.network.takeText(unused).isEmpty)
        bench.receive(upstream, "k")
        #expect(bench.network.takeText(busy).hasSuffix("\r\n\r\nok"))
        #expect(bench.network.isClosed(busy))
    }

    @Test("Who leaves is not ready, and answers with the end of the connection")
    func leave() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        bench.engine.leave()
        let client = bench.accept()
        bench.receive(client, "GET /readiness HTTP/1.1\r\nHost: a\r\n\r\n")
        let answer = bench.network.takeText(client)
        #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("draining"))
        #expect(bench.network.isClosed(client))
    }

    @Test("A cut ends what is served so that clients see it: 503 before the answer, a break within")
    func cut() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let (waiting, streaming, idle) = (bench.accept(), bench.accept(), bench.accept())
        bench.receive(waiting, Self.post)
        _ = bench.openUpstream()
        bench.receive(streaming, Self.post)
        let upstream = bench.openUpstream()
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        bench.receive(upstream, head + "9\r\ndata: 1\n\n\r\n")
        bench.engine.cut(&bench.network)
        #expect(bench.network.takeText(waiting).hasPrefix("HTTP/1.1 503 "))
        let text = bench.network.takeText(streaming)
        #expect(text.contains("shutting_down") && !text.hasSuffix("0\r\n\r\n"))
        for client in [waiting, streaming, idle] { #expect(bench.network.isClosed(client)) }
        #expect(bench.engine.clientCount == 0)
    }

    private static func split(_ text: String, _ pieceBytes: Int) -> [String] {
        let bytes = Array(text.utf8)
        return stride(from: 0, to: bytes.count, by: pieceBytes).map {
            String(decoding: bytes[$0..<min($0 + pieceBytes, bytes.count)], as: UTF8.self)
        }
    }
}

extension String {
    /// How often `part` stands in the text.
    fileprivate func occurrences(of part: String) -> Int {
        ranges(of: part).count
    }
}
