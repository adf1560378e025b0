import Testing

@testable import SimulatedWorker

/// Real sockets, one worker for each test; serialized, as the client blocks its thread.
@Suite("Simulated worker over sockets", .serialized, .timeLimit(.minutes(1)))
struct SimulatedWorkerServerTests {
    /// Starts a worker on a free port, runs the test and stops the worker.
    private func withWorker(
        speedup: Double = 0,
        _ change: (inout WorkerConfiguration) -> Void = { _ in },
        _ test: (SimulatedWorkerServer) async throws -> Void
    ) async throws {
        var configuration = WorkerConfiguration()
        configuration.port = 0
        configuration.controlPort = 0
        configuration.engine.speedup = speedup
        change(&configuration)
        let server = try await SimulatedWorkerServer.start(configuration)
        do {
            try await test(server)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    private func statistics(_ server: SimulatedWorkerServer) throws -> JSONValue {
        let connection = try Connection(port: server.controlPort ?? 0)
        try connection.send("GET", "/stats")
        return try JSONParser.parse(connection.response().body)
    }

    /// Asks for the statistics until they are as the test expects; fails after 10 s.
    private func waitFor(_ server: SimulatedWorkerServer, _ condition: (JSONValue) -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < deadline {
            if condition(try statistics(server)) { return }
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("The statistics never came to what was expected.")
    }

    private func set(_ server: SimulatedWorkerServer, fault: String) throws {
        let connection = try Connection(port: server.controlPort ?? 0)
        try connection.send("POST", "/faults", body: fault)
        #expect(try connection.response().status == 200)
    }

    @Test("A connection serves many requests, also when they come all at once")
    func keepAlive() async throws {
        try await withWorker { server in
            let connection = try Connection(port: server.port)
            for _ in 0..<3 {
                try connection.send("POST", "/generate", body: #"{"text": "a"}"#)
                let response = try connection.response()
                #expect(response.status == 200)
                #expect(response.head.contains("X-Simulated-Worker: 127.0.0.1:\(server.port)"))
            }
            try connection.write(String(repeating: "GET /v1/models HTTP/1.1\r\nHost: t\r\n\r\n", count: 2))
            try connection.send("GET", "/health", headers: "Connection: close\r\n")
            let text = try connection.read(until: "")
            #expect(text.split(separator: "HTTP/1.1 200 OK", omittingEmptySubsequences: false).count == 4)
        }
    }

    @Test("A stream is sent in chunks and ends as HTTP demands, with any number of threads", arguments: [1, 3])
    func stream(threads: Int) async throws {
        try await withWorker(speedup: 1000) {
            $0.threads = threads
        } _: { server in
            let connections = try (0..<6).map { _ in try Connection(port: server.port) }
            let body = #"{"messages": [{"role": "user", "content": "a"}], "stream": true, "max_tokens": 5}"#
            for connection in connections { try connection.send("POST", "/v1/chat/completions", body: body) }
            for connection in connections {
                let text = try connection.read(until: "0\r\n\r\n")
                #expect(text.contains("Content-Type: text/event-stream"))
                #expect(text.contains("Transfer-Encoding: chunked"))
                #expect(text.split(separator: "data: ").count == 9)
                #expect(text.hasSuffix("data: [DONE]\n\n\r\n0\r\n\r\n"))
            }
        }
    }

    @Test("A paced stream has the events that were asked for, not sooner than asked for")
    func pacedStream() async throws {
        try await withWorker(speedup: 1) { server in
            let connection = try Connection(port: server.port)
            let start = ContinuousClock.now
            let pacing = #"{"events": 5, "interval_ms": 10, "bytes": 12}"#
            try connection.send("POST", "/generate", body: #"{"text": "a", "stream": true, "simulated": \#(pacing)}"#)
            let text = try connection.read(until: "0\r\n\r\n")
            #expect(text.split(separator: "\"sent_at\":").count == 6)
            #expect(ContinuousClock.now - start >= .milliseconds(40))
        }
    }

    @Test("An idle connection is closed after the time that was set")
    func idleConnection() async throws {
        try await withWorker(speedup: 0) {
            $0.keepAlive = .milliseconds(20)
        } _: { server in
            let connection = try Connection(port: server.port)
            try connection.send("GET", "/health")
            #expect(try connection.read(until: "").hasPrefix("HTTP/1.1 200 OK"))
        }
    }

    @Test("A repeated prompt is found in the cache, also with engine timing", arguments: [0.0, 1000])
    func cache(speedup: Double) async throws {
        try await withWorker(speedup: speedup) { server in
            let connection = try Connection(port: server.port)
            let prompt = String(repeating: "abcd", count: 100)
            var cached: [Int?] = []
            for _ in 0..<2 {
                try connection.send("POST", "/v1/completions", body: #"{"prompt": "\#(prompt)"}"#)
                let usage = try JSONParser.parse(connection.response().body)["usage"]
                #expect(usage?["prompt_tokens"]?.integerValue == 100)
                cached.append(usage?["prompt_tokens_details"]?["cached_tokens"]?.integerValue)
            }
            #expect(cached == [0, 96])
            #expect(try statistics(server)["cached_tokens"]?.integerValue == 96)
        }
    }

    @Test("A client that goes away frees its place and counts as aborted", arguments: [true, false])
    func abort(streams: Bool) async throws {
        try await withWorker(speedup: 1) { server in
            let connections = try (0..<5).map { _ in try Connection(port: server.port) }
            for connection in connections {
                let body = #"{"text": "a", "stream": \#(streams), "sampling_params": {"max_new_tokens": 100000}}"#
                try connection.send("POST", "/generate", body: body)
            }
            try await waitFor(server) { $0["in_flight"]?.integerValue == 5 }
            for connection in connections { connection.close() }
            try await waitFor(server) { $0["aborted"]?.integerValue == 5 && $0["in_flight"]?.integerValue == 0 }
            let statistics = try statistics(server)
            #expect(statistics["abort_times"]?.arrayValue?.count == 5)
            #expect(statistics["completed"]?.integerValue == 0)
            let load = try Connection(port: server.port)
            try load.send("GET", "/get_load")
            #expect(try load.response().body == #"[{"dp_rank":0,"num_reqs":0,"num_waiting_reqs":0,"num_tokens":0}]"#)
        }
    }

    @Test("An echo shows headers in their order and the hash of the body")
    func echo() async throws {
        try await withWorker { server in
            let connection = try Connection(port: server.port)
            let chunked = "Transfer-Encoding: chunked\r\nX-B: 2\r\nX-a: 1\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"
            try connection.write("POST /v1/echo?x=1 HTTP/1.1\r\nHost: t\r\n\(chunked)")
            let echo = try JSONParser.parse(connection.response().body)
            #expect(echo["target"]?.stringValue == "/v1/echo?x=1")
            #expect(echo["body_bytes"]?.integerValue == 3)
            let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
            #expect(echo["sha256"]?.stringValue == hash)
            let names = echo["headers"]?.arrayValue?.map { $0.arrayValue?.first?.stringValue }
            #expect(names == ["Host", "Transfer-Encoding", "X-B", "X-a"])
        }
    }

    @Test("A blob waits for a client that does not read, and is complete")
    func blob() async throws {
        try await withWorker { server in
            let connection = try Connection(port: server.port)
            try connection.send("POST", "/v1/blob?bytes=30000000", headers: "Connection: close\r\n")
            try await waitFor(server) { ($0["response_bytes"]?.integerValue ?? 0) > 100_000 }
            #expect((try statistics(server)["response_bytes"]?.integerValue ?? 0) < 25_000_000)
            let body = try connection.bodyToEnd()
            #expect(body.count == 30_000_000)
            let isPattern = stride(from: 0, to: body.count, by: 4099).allSatisfy { position in
                body[position] == UInt8(truncatingIfNeeded: position &* 31 &+ 7)
            }
            #expect(isPattern)
            try await waitFor(server) { $0["completed"]?.integerValue == 1 }
        }
    }

    @Test("A fault spoils the stream where it should")
    func spoiledStreams() async throws {
        try await withWorker { server in
            let body = #"{"text": "a", "stream": true}"#
            try set(server, fault: #"{"close_after_events": 2, "count": 1}"#)
            var connection = try Connection(port: server.port)
            try connection.send("POST", "/generate", body: body)
            let closed = try connection.read(until: "")
            #expect(closed.split(separator: "data: ").count == 4)
            #expect(closed.hasSuffix("1000\r\ndata: {\"id\":\""))

            try set(server, fault: #"{"reset": true, "count": 1}"#)
            connection = try Connection(port: server.port)
            try connection.send("POST", "/generate", body: body)
            let failure = #expect(throws: Connection.Failure.self) { try connection.read(until: "") }
            #expect(failure?.number == 104)

            try set(server, fault: #"{"status": 429, "count": 1}"#)
            connection = try Connection(port: server.port)
            try connection.send("POST", "/generate", body: body)
            #expect(try connection.response().status == 429)
            #expect(try statistics(server)["faulted"]?.integerValue == 2)
            #expect(try statistics(server)["aborted"]?.integerValue == 0)
        }
    }

    @Test("A worker that refuses connections comes back when the fault is removed")
    func refuse() async throws {
        try await withWorker { server in
            try set(server, fault: #"{"refuse": true}"#)
            try await waitUntil { (try? Connection(port: server.port)) == nil }
            let control = try Connection(port: server.controlPort ?? 0)
            try control.send("DELETE", "/faults")
            #expect(try control.response().body == #"{"faults":[]}"#)
            try await waitUntil { (try? Connection(port: server.port)) != nil }
        }
    }

    @Test("Health follows the start and the faults")
    func health() async throws {
        try await withWorker(speedup: 0) {
            $0.startUnhealthy = .seconds(3600)
        } _: { server in
            let connection = try Connection(port: server.port)
            try connection.send("GET", "/health")
            #expect(try connection.response().status == 503)
            try set(server, fault: #"{"health_status": 404}"#)
            try connection.send("GET", "/health_generate")
            #expect(try connection.response().status == 404)
        }
    }

    @Test("With an API key only health, metrics and the control paths are open")
    func apiKey() async throws {
        try await withWorker(speedup: 0) {
            $0.apiKey = "secret"
        } _: { server in
            let connection = try Connection(port: server.port)
            try connection.send("GET", "/v1/models")
            #expect(try connection.response().status == 401)
            try connection.send("GET", "/v1/models", headers: "Authorization: Bearer secret\r\n")
            #expect(try connection.response().status == 200)
            try connection.send("GET", "/health")
            #expect(try connection.response().status == 200)
        }
    }

    @Test("A port in use is one clear sentence that names the flag")
    func portInUse() async throws {
        try await withWorker { server in
            var configuration = WorkerConfiguration()
            configuration.port = server.port
            let error = await #expect(throws: StartError.self) {
                _ = try await SimulatedWorkerServer.start(configuration)
            }
            #expect(error?.description.contains("already in use") ?? false)
            #expect(error?.description.contains("--port") ?? false)
        }
    }

    @Test("What is not HTTP is answered with 400")
    func notHTTP() async throws {
        try await withWorker { server in
            let connection = try Connection(port: server.port)
            try connection.write("NONSENSE\r\n\r\n")
            #expect(try connection.response().status == 400)
        }
    }

    private func waitUntil(_ condition: () -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(10)
        while !condition() {
            guard ContinuousClock.now < deadline else {
                Issue.record("What was awaited did not come.")
                return
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}
