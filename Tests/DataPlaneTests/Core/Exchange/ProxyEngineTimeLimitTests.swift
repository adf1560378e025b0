import SignalboxProtocol
import Testing

@testable import DataPlaneCore

/// Each time limit fires at its moment with its answer, and not a moment earlier.
struct ProxyEngineTimeLimitTests {
    private static let post = "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    private static let streamHead =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    private static let event = "b\r\ndata: {1}\n\n\r\n"

    private static func bench(
        _ change: (inout RoutingSettings) -> Void,
        models: [ModelConfiguration] = []
    ) throws -> EngineBench {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)], settings: Samples.settings(change), models: models)
        return bench
    }

    @Test("A head that does not arrive whole in time is a 408")
    func head() throws {
        var bench = try Self.bench { $0.headTimeoutMilliseconds = 100 }
        let client = bench.accept()
        bench.receive(client, "GET /health HTT")
        bench.elapse(milliseconds: 60)
        bench.receive(client, "P/1.1\r\nHost")
        bench.elapse(milliseconds: 39)
        #expect(bench.network.takeText(client) == "")
        bench.elapse(milliseconds: 1)
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 408 "))
        #expect(bench.network.isClosed(client))
    }

    @Test("An upload that stops is a 408")
    func uploadIdle() throws {
        var bench = try Self.bench { $0.uploadIdleTimeoutMilliseconds = 100 }
        let client = bench.accept()
        bench.receive(client, "POST /generate HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\nabc")
        bench.elapse(milliseconds: 99)
        #expect(bench.network.takeText(client) == "")
        bench.elapse(milliseconds: 4)
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 408 "))
        #expect(bench.inFlight == 0)
    }

    @Test("A worker that accepts no connection in time is a 504 where there is no other, and is not asked twice")
    func connect() throws {
        var bench = try Self.bench { $0.timeouts.connectMilliseconds = 100 }
        let client = bench.accept()
        bench.receive(client, Self.post)
        bench.elapse(milliseconds: 99)
        #expect(bench.network.upstreams.count == 1)
        bench.elapse(milliseconds: 400)
        #expect(bench.network.upstreams.count == 1)
        let answer = bench.network.takeText(client)
        #expect(answer.hasPrefix("HTTP/1.1 504 "))
        #expect(answer.contains("connect_timeout"))
        #expect(bench.inFlight == 0 && bench.totalLoad == 0)
    }

    @Test("A worker that sends no content in time is a 504, and is not asked twice", arguments: [true, false])
    func firstByte(pooled: Bool) throws {
        var bench = try Self.bench { $0.timeouts.firstByteMilliseconds = 1000 }
        let client = bench.accept()
        if pooled {
            bench.receive(client, Self.post)
            bench.receive(bench.openUpstream(), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            _ = bench.network.takeText(client)
            bench.receive(client, Self.post)
        } else {
            bench.receive(client, Self.post)
            _ = bench.openUpstream()
        }
        bench.elapse(milliseconds: 999)
        #expect(bench.network.takeText(client) == "")
        bench.elapse(milliseconds: 1)
        let answer = bench.network.takeText(client)
        #expect(answer.hasPrefix("HTTP/1.1 504 "))
        #expect(answer.contains("first_byte_timeout"))
        #expect(bench.network.upstreams.count == 1)
        #expect(bench.inFlight == 0 && bench.totalLoad == 0)
    }

    @Test("Without content behind the head the client gets an error event, and no final chunk")
    func firstByteBehindHead() throws {
        var bench = try Self.bench { $0.timeouts.firstByteMilliseconds = 1000 }
        let client = bench.accept()
        bench.receive(client, Self.post)
        let upstream = bench.openUpstream()
        bench.elapse(milliseconds: 600)
        bench.receive(upstream, Self.streamHead)
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 200 OK\r\n"))
        bench.elapse(milliseconds: 399)
        #expect(!bench.network.isClosed(client))
        bench.elapse(milliseconds: 1)
        let rest = bench.network.takeText(client)
        #expect(rest.contains("data: {\"error\":{"))
        #expect(rest.contains("first_byte_timeout"))
        #expect(!rest.contains("\r\n0\r\n\r\n"))
        #expect(bench.network.connections[client]?.closed == .graceful)
        #expect(bench.network.isClosed(upstream))
    }

    @Test("A stream that stands still ends with an error event between two events, and breaks within one")
    func streamIdle() throws {
        for (piece, seesEvent) in [(Self.event, true), ("9\r\ndata: {1}\r\n", false)] {
            var bench = try Self.bench { $0.timeouts.streamIdleMilliseconds = 500 }
            let client = bench.accept()
            bench.receive(client, Self.post)
            let upstream = bench.openUpstream()
            bench.receive(upstream, Self.streamHead)
            for _ in 0..<5 {
                bench.elapse(milliseconds: 499)
                bench.receive(upstream, Self.event)
            }
            bench.receive(upstream, piece)
            _ = bench.network.takeText(client)
            bench.elapse(milliseconds: 499)
            #expect(!bench.network.isClosed(client))
            bench.elapse(milliseconds: 1)
            #expect(bench.network.takeText(client).contains("stream_idle_timeout") == seesEvent)
            #expect(bench.network.isClosed(client) && bench.network.isClosed(upstream))
            #expect(bench.inFlight == 0 && bench.totalLoad == 0)
        }
    }

    @Test("On /v1/messages the error event has the shape of that API")
    func messagesShape() throws {
        var bench = try Self.bench { $0.timeouts.streamIdleMilliseconds = 500 }
        let client = bench.accept()
        bench.receive(client, "POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        bench.receive(bench.openUpstream(), Self.streamHead + Self.event)
        _ = bench.network.takeText(client)
        bench.elapse(milliseconds: 500)
        let event = bench.network.takeText(client)
        #expect(event.contains("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"timeout_error\","))
    }

    @Test("A content-encoded stream gets no event")
    func encodedStream() throws {
        var bench = try Self.bench { $0.timeouts.streamIdleMilliseconds = 500 }
        let client = bench.accept()
        bench.receive(client, Self.post)
        let head = Self.streamHead.replacing("\r\n\r\n", with: "\r\nContent-Encoding: gzip\r\n\r\n")
        bench.receive(bench.openUpstream(), head + Self.event)
        _ = bench.network.takeText(client)
        bench.elapse(milliseconds: 500)
        #expect(bench.network.takeText(client) == "")
        #expect(bench.network.isClosed(client))
    }

    @Test("A client that takes nothing of its answer is reset; one that takes a little is not")
    func clientTakesNothing() throws {
        var bench = try Self.bench { $0.timeouts.streamIdleMilliseconds = 500 }
        let client = bench.accept()
        bench.receive(client, Self.post)
        let upstream = bench.openUpstream()
        bench.receive(upstream, Self.streamHead)
        bench.network.connections[client]?.queued = 300_000
        bench.receive(upstream, Self.event)
        #expect(bench.network.connections[upstream]?.isPaused == true)
        bench.elapse(milliseconds: 499)
        bench.network.connections[client]?.queued = 299_999
        bench.elapse(milliseconds: 1)
        #expect(!bench.network.isClosed(client))
        bench.elapse(milliseconds: 500)
        #expect(bench.network.connections[client]?.closed == .reset)
        #expect(bench.network.isClosed(upstream))
        #expect(bench.inFlight == 0 && bench.totalLoad == 0)
    }

    @Test("An answer that began before its upload ended may not stand still either")
    func streamIdleDuringUpload() throws {
        var configuration = EngineConfiguration()
        configuration.heldBodyBytesMax = 10
        var bench = EngineBench(configuration: configuration)
        let settings = Samples.settings { $0.timeouts.streamIdleMilliseconds = 500 }
        try bench.apply([Samples.worker(1)], settings: settings)
        let client = bench.accept()
        bench.receive(client, "POST /generate HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n01234567890123456789")
        let upstream = bench.openUpstream()
        bench.receive(upstream, Self.streamHead + Self.event)
        bench.network.connections[upstream]?.queued = 300_000
        bench.receive(client, "01234")
        bench.network.connections[upstream]?.queued = 0
        bench.engine.drained(upstream, &bench.network)
        _ = bench.network.takeText(client)
        bench.elapse(milliseconds: 499)
        #expect(!bench.network.isClosed(client))
        bench.elapse(milliseconds: 1)
        #expect(bench.network.takeText(client).contains("stream_idle_timeout"))
        #expect(bench.inFlight == 0)
    }

    @Test("The limit of the whole request is a 408 while the client sends, a 504 before the answer, an event after")
    func total() throws {
        let sending = "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"
        for (request, answer, expected) in [
            (sending, "", "HTTP/1.1 408 "), (Self.post, "", "HTTP/1.1 504 "),
            (Self.post, Self.streamHead + Self.event, "request_timeout"),
        ] {
            var bench = try Self.bench { $0.timeouts.requestMilliseconds = 1000 }
            let client = bench.accept()
            bench.receive(client, request)
            if request == Self.post { _ = bench.openUpstream() }
            if !answer.isEmpty { bench.receive(bench.network.upstreams[0], answer) }
            _ = bench.network.takeText(client)
            bench.elapse(milliseconds: 999)
            #expect(bench.network.takeText(client) == "")
            bench.elapse(milliseconds: 1)
            #expect(bench.network.takeText(client).contains(expected))
            #expect(bench.inFlight == 0 && bench.totalLoad == 0)
        }
    }

    @Test("The limit of a request is not that of its connection")
    func totalEndsWithRequest() throws {
        var bench = try Self.bench { $0.timeouts.requestMilliseconds = 1000 }
        let client = bench.accept()
        bench.receive(client, Self.post)
        bench.receive(bench.openUpstream(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        bench.elapse(milliseconds: 5_000)
        #expect(!bench.network.isClosed(client))
    }

    @Test("A model's own limits hold for its requests only")
    func perModel() throws {
        var timeouts = ModelTimeouts()
        timeouts.firstByteMilliseconds = 100
        let models = [ModelConfiguration(model: "fast", timeouts: timeouts)]
        for (model, isCut) in [("fast", true), ("slow", false)] {
            var bench = try Self.bench({ $0.timeouts.firstByteMilliseconds = 1000 }, models: models)
            let client = bench.accept()
            let body = "{\"model\":\"\(model)\"}"
            bench.receive(
                client,
                "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
            )
            _ = bench.openUpstream()
            bench.elapse(milliseconds: 999)
            #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 504 ") == isCut)
        }
    }

    @Test("A limit of 0 never fires")
    func off() throws {
        var bench = try Self.bench {
            $0.timeouts.firstByteMilliseconds = 0
            $0.timeouts.streamIdleMilliseconds = 0
        }
        let client = bench.accept()
        bench.receive(client, Self.post)
        let upstream = bench.openUpstream()
        bench.elapse(milliseconds: 86_400_000)
        bench.receive(upstream, Self.streamHead + Self.event)
        bench.elapse(milliseconds: 86_400_000)
        #expect(!bench.network.isClosed(client))
    }
}
