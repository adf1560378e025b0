import SignalboxProtocol
import Synchronization
import Testing

@testable import DataPlaneCore

/// Large bodies whose model comes late wait in a temporary file.
struct ProxyEngineSpoolTests {
    private static let workers = [Samples.worker(1, models: ["a"]), Samples.worker(2, models: ["b"])]

    private static func bench(
        _ settings: RoutingSettings = RoutingSettings(),
        policy: PolicyName = .roundRobin
    ) throws -> EngineBench {
        var configuration = EngineConfiguration()
        configuration.heldBodyBytesMax = 1000
        configuration.spoolPieceBytes = 700
        var bench = EngineBench(configuration: configuration)
        try bench.apply(workers, policy: policy, settings: settings)
        return bench
    }

    private static func request(_ body: String) -> (head: String, body: String) {
        let head = "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        return ("\(head)Content-Length: \(body.utf8.count)\r\n\r\n", body)
    }

    /// Sends a body in two pieces, so that the first is over the limit, and lets the disk take both.
    private static func send(_ request: (head: String, body: String), _ bench: inout EngineBench) -> ConnectionID {
        let client = bench.accept()
        bench.receive(client, request.head)
        bench.receive(client, String(request.body.prefix(1100)))
        if bench.network.spools[client] != nil { bench.engine.spoolWritten(client, bytes: 1100, &bench.network) }
        bench.receive(client, String(request.body.dropFirst(1100)))
        return client
    }

    @Test(
        "The file's end names the worker, and the worker gets every byte, whatever the policy looks at",
        arguments: PolicyName.allCases
    )
    func modelComesLast(policy: PolicyName) throws {
        var bench = try Self.bench(policy: policy)
        let request = Self.request(#"{"prompt":"\#(String(repeating: "x", count: 3000))","model":"b"}"#)
        let client = Self.send(request, &bench)
        let asked = bench.network.takeSpoolRead(client)
        let name = try #require(asked)
        #expect(String(decoding: name, as: UTF8.self) == "b")
        bench.engine.spoolRead(client, name.span, &bench.network)
        #expect(bench.network.connections[bench.network.upstreams[0]]?.address == .ip(Samples.address(2), port: 8000))
        let upstream = bench.openUpstream()
        var sent = bench.network.takeText(upstream)
        while let piece = bench.network.takeSpoolRead(client) {
            #expect(piece.count <= 700)
            bench.engine.spoolRead(client, piece.span, &bench.network)
            sent += bench.network.takeText(upstream)
        }
        #expect(sent.hasSuffix("\r\nContent-Length: \(request.body.utf8.count)\r\n\r\n\(request.body)"))
        bench.receive(upstream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        #expect(bench.network.takeText(client).hasSuffix("\r\n\r\nok"))
        #expect(bench.network.spools.isEmpty)
        #expect(bench.counters.spooledBytes.load(ordering: .relaxed) == 0)
        #expect(bench.counters.bodyBytes.load(ordering: .relaxed) == 0)
        #expect(bench.inFlight == 0 && bench.totalLoad == 0)
    }

    @Test("A body whose model comes first is streamed, not spooled")
    func modelComesFirst() throws {
        var bench = try Self.bench()
        let client = Self.send(
            Self.request(#"{"model":"a","prompt":"\#(String(repeating: "x", count: 3000))"}"#),
            &bench
        )
        #expect(bench.network.spools[client] == nil)
        #expect(bench.network.upstreams.count == 1)
    }

    @Test("A client is not read while the disk is behind")
    func slowDisk() throws {
        var bench = try Self.bench()
        let request = Self.request(#"{"prompt":"\#(String(repeating: "x", count: 3000))","model":"b"}"#)
        let client = bench.accept()
        bench.receive(client, request.head + request.body.prefix(1100))
        #expect(bench.network.connections[client]?.isPaused == true)
        bench.engine.spoolWritten(client, bytes: 1100, &bench.network)
        #expect(bench.network.connections[client]?.isPaused == false)
    }

    @Test("More than the files may hold is a 503, and the file goes")
    func budget() throws {
        var bench = try Self.bench(Samples.settings { $0.spoolBytesMax = 1200 })
        let client = Self.send(
            Self.request(#"{"prompt":"\#(String(repeating: "x", count: 3000))","model":"b"}"#),
            &bench
        )
        let answer = bench.network.takeText(client)
        #expect(answer.hasPrefix("HTTP/1.1 503 "))
        #expect(answer.contains("\r\nRetry-After: 1\r\n"))
        #expect(bench.network.spools.isEmpty)
        #expect(bench.counters.spooledBytes.load(ordering: .relaxed) == 0)
    }

    @Test("A disk that fails is a 503")
    func failedDisk() throws {
        var bench = try Self.bench()
        let request = Self.request(#"{"prompt":"\#(String(repeating: "x", count: 3000))","model":"b"}"#)
        let client = bench.accept()
        bench.receive(client, request.head + request.body.prefix(1100))
        bench.engine.spoolFailed(client, &bench.network)
        #expect(bench.network.takeText(client).contains("spool_failed"))
        #expect(bench.inFlight == 0)
    }

    @Test("A disk that does not answer in time is a 503 as well")
    func silentDisk() throws {
        let request = Self.request(#"{"prompt":"\#(String(repeating: "x", count: 3000))","model":"b"}"#)
        for answers in 0...2 {
            var bench = try Self.bench()
            let client = bench.accept()
            bench.receive(client, request.head + request.body.prefix(1100))
            if answers > 0 {
                bench.engine.spoolWritten(client, bytes: 1100, &bench.network)
                bench.receive(client, String(request.body.dropFirst(1100)))
            }
            if answers > 1, let name = bench.network.takeSpoolRead(client) {
                bench.engine.spoolRead(client, name.span, &bench.network)
                _ = bench.openUpstream()
            }
            bench.elapse(milliseconds: 29_999)
            #expect(bench.network.takeText(client) == "")
            bench.elapse(milliseconds: 1)
            #expect(bench.network.takeText(client).contains("spool_failed"), "\(answers) answers")
            #expect(bench.inFlight == 0 && bench.totalLoad == 0)
        }
    }

    @Test("A body that is not JSON is refused, wherever that shows")
    func invalid() throws {
        var bench = try Self.bench()
        let client = Self.send(Self.request(#"{"prompt":"\#(String(repeating: "x", count: 3000))",nothing}"#), &bench)
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 400 "))
        #expect(bench.network.spools.isEmpty)
    }

    @Test("A client that goes away leaves no file")
    func clientGone() throws {
        var bench = try Self.bench()
        let request = Self.request(#"{"prompt":"\#(String(repeating: "x", count: 3000))","model":"b"}"#)
        let client = bench.accept()
        bench.receive(client, request.head + request.body.prefix(1100))
        bench.engine.ended(client, &bench.network)
        #expect(bench.network.spools.isEmpty)
        #expect(bench.counters.spooledBytes.load(ordering: .relaxed) == 0)
    }
}
