import SignalboxProtocol
import Testing

@testable import DataPlaneCore

/// A worker may answer before it has got the whole request.
struct ProxyEngineEarlyAnswerTests {
    private static let limits = Samples.settings {
        $0.timeouts.firstByteMilliseconds = 1000
        $0.timeouts.streamIdleMilliseconds = 1000
    }

    private static func bench() throws -> EngineBench {
        var configuration = EngineConfiguration()
        configuration.heldBodyBytesMax = 1000
        configuration.spoolPieceBytes = 700
        configuration.queuedBytesMax = 500
        var bench = EngineBench(configuration: configuration)
        let workers = [Samples.worker(1, models: ["a"]), Samples.worker(2, models: ["b"])]
        try bench.apply(workers, settings: limits)
        return bench
    }

    /// A spooled request whose connection is open and has got the head.
    private static func spoolUpload(_ bench: inout EngineBench) throws -> (client: ConnectionID, upstream: ConnectionID)
    {
        let body = #"{"prompt":"\#(String(repeating: "x", count: 3000))","model":"b"}"#
        let client = bench.accept()
        bench.receive(
            client,
            "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n"
        )
        bench.receive(client, String(body.prefix(1100)))
        bench.engine.spoolWritten(client, bytes: 1100, &bench.network)
        bench.receive(client, String(body.dropFirst(1100)))
        let asked = bench.network.takeSpoolRead(client)
        let name = try #require(asked)
        bench.engine.spoolRead(client, name.span, &bench.network)
        return (client, bench.openUpstream())
    }

    private static func sendWholeFile(of client: ConnectionID, _ bench: inout EngineBench) {
        while let piece = bench.network.takeSpoolRead(client) {
            bench.engine.spoolRead(client, piece.span, &bench.network)
        }
    }

    @Test("A connection on which a part of a body is owed is never used again")
    func pooling() throws {
        var bench = try Self.bench()
        let (client, upstream) = try Self.spoolUpload(&bench)
        bench.receive(upstream, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 413 "))
        #expect(bench.network.isClosed(upstream))
    }

    @Test("A connection that has not taken all of its request, or has more to read, is not used again")
    func unsentOrUnread() throws {
        for isUnread in [true, false] {
            var bench = EngineBench()
            try bench.apply([Samples.worker(1)])
            let client = bench.accept()
            bench.receive(client, "POST /generate HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
            let upstream = bench.openUpstream()
            if isUnread {
                bench.network.unread = [upstream]
            } else {
                bench.network.connections[upstream]?.queued = 10
            }
            bench.receive(upstream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            #expect(bench.network.isClosed(upstream))
        }
    }

    @Test("An answer that began during an upload from a file may not stand still")
    func spoolTimed() throws {
        var bench = try Self.bench()
        let (client, upstream) = try Self.spoolUpload(&bench)
        bench.receive(upstream, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        Self.sendWholeFile(of: client, &bench)
        bench.elapse(milliseconds: 1_000)
        #expect(bench.network.isClosed(client) && bench.network.isClosed(upstream))
        #expect(bench.inFlight == 0 && bench.totalLoad == 0)
    }

    @Test("A client that takes nothing of such an answer is reset")
    func slowClientTimed() throws {
        var bench = try Self.bench()
        let (client, upstream) = try Self.spoolUpload(&bench)
        bench.network.connections[client]?.queued = 600
        bench.receive(upstream, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        Self.sendWholeFile(of: client, &bench)
        bench.elapse(milliseconds: 2_000)
        #expect(bench.network.connections[client]?.closed == .reset)
        #expect(bench.inFlight == 0)
    }

    @Test("A head alone during an upload does not end the time to the first byte")
    func headAloneTimed() throws {
        var configuration = EngineConfiguration()
        configuration.heldBodyBytesMax = 10
        var bench = EngineBench(configuration: configuration)
        try bench.apply([Samples.worker(1)], settings: Self.limits)
        let client = bench.accept()
        bench.receive(client, "POST /generate HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n0123456789012345")
        let upstream = bench.openUpstream()
        bench.receive(upstream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        bench.receive(client, "67890123456789")
        bench.elapse(milliseconds: 1_000)
        #expect(bench.network.isClosed(client) && bench.network.isClosed(upstream))
    }

    @Test("An answer that is cut because its upload stopped is seen to be cut, also by an HTTP/1.0 client")
    func cutWhileRelaying() throws {
        var configuration = EngineConfiguration()
        configuration.heldBodyBytesMax = 10
        var bench = EngineBench(configuration: configuration)
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, "POST /generate HTTP/1.0\r\nContent-Length: 30\r\n\r\n0123456789012345")
        bench.receive(
            bench.openUpstream(),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
        )
        bench.elapse(milliseconds: 40_000)
        #expect(bench.network.connections[client]?.closed == .reset)
    }
}
