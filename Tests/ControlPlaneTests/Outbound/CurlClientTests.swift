import SignalboxProtocol
import Testing

@testable import ControlPlane

@Suite(.timeLimit(.minutes(1))) struct CurlClientTests {
    private func send(_ request: OutboundRequest) async -> Result<OutboundResponse, OutboundError> {
        let client = CurlClient()
        defer { client.shutdown() }
        return await client.send(request)
    }

    private func code(of result: Result<OutboundResponse, OutboundError>) -> OutboundError.Code? {
        if case .failure(let error) = result { error.code } else { nil }
    }

    private func eventually(_ condition: () -> Bool) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(30)
        while !condition() {
            guard ContinuousClock.now < deadline else { return false }
            try await Task.sleep(for: .milliseconds(1))
        }
        return true
    }

    @Test("Any status is an answer, with its body and time", arguments: ["200 OK", "404 Not Found", "302 Found"])
    func statuses(status: String) async throws {
        let server = try StubServer(.answer(StubServer.response(status, body: Array("hello".utf8))))
        defer { server.stop() }
        let response = try await send(OutboundRequest(url: server.url)).get()
        #expect(response.status == Int(status.prefix(3)))
        #expect(response.body == Array("hello".utf8))
        #expect(response.elapsed > .zero && response.elapsed < .seconds(5))
    }

    @Test("The request says who asks and carries its headers, body and method")
    func requestForm() async throws {
        let server = try StubServer(.answer(StubServer.response("200 OK", body: [])))
        defer { server.stop() }
        var request = OutboundRequest(method: .post, url: server.url, headers: [("X-Test", "one")])
        request.body = Array("{}".utf8)
        _ = try await send(request).get()
        let text = try #require(server.requests.first)
        #expect(text.hasPrefix("POST /health HTTP/1.1\r\n"))
        #expect(text.contains("User-Agent: signalbox/\(softwareVersion)\r\n"))
        #expect(text.contains("X-Test: one\r\n"))
        #expect(text.contains("Content-Length: 2\r\n"))
        #expect(!text.contains("Expect:"))
        #expect(!text.contains("Content-Type:"))
        #expect(text.hasSuffix("\r\n\r\n{}"))
    }

    @Test("A port on which nobody listens is refused")
    func refused() async throws {
        let server = try StubServer(.silence)
        server.stop()
        #expect(code(of: await send(OutboundRequest(url: server.url))) == .refused)
    }

    @Test("A host without address is a resolve error")
    func resolve() async {
        #expect(code(of: await send(OutboundRequest(url: "http://no-such-host.invalid/"))) == .resolve)
    }

    @Test(
        "The timeout covers the whole exchange",
        arguments: [
            StubServer.Script.silence,
            .drip(Array("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".utf8)),
        ]
    )
    func timeout(script: StubServer.Script) async throws {
        let server = try StubServer(script)
        defer { server.stop() }
        let start = ContinuousClock.now
        let result = await send(OutboundRequest(url: server.url, timeout: .milliseconds(200)))
        #expect(code(of: result) == .timeout)
        #expect(start.duration(to: .now) < .seconds(30))
    }

    @Test(
        "A body longer than allowed is an error, announced or not",
        arguments: [
            StubServer.response("200 OK", body: [UInt8](repeating: 0x78, count: 200_000)),
            Array("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".utf8) + [UInt8](repeating: 0x78, count: 200_000),
        ]
    )
    func tooLarge(answer: [UInt8]) async throws {
        let server = try StubServer(.answer(answer))
        defer { server.stop() }
        var request = OutboundRequest(url: server.url)
        request.responseBytesMax = 100_000
        #expect(code(of: await send(request)) == .tooLarge)
    }

    @Test("An endless head is an error")
    func endlessHead() async throws {
        let line = Array("X-Filler: \(String(repeating: "x", count: 1000))\r\n".utf8)
        let head = Array("HTTP/1.1 200 OK\r\n".utf8) + (0..<200).flatMap { _ in line }
        let server = try StubServer(.answer(head))
        defer { server.stop() }
        #expect(code(of: await send(OutboundRequest(url: server.url))) == .tooLarge)
    }

    @Test("A connection closed without an answer is an error")
    func hangUp() async throws {
        let server = try StubServer(.hangUp)
        defer { server.stop() }
        #expect(code(of: await send(OutboundRequest(url: server.url))) == .other)
    }

    @Test(
        "Other protocols and broken headers are refused",
        arguments: ["file:///etc/hostname", "gopher://x/", "nonsense"]
    )
    func refusedForms(url: String) async {
        #expect(code(of: await send(OutboundRequest(url: url))) != nil)
        let split = OutboundRequest(url: "http://127.0.0.1:1/", headers: [("X", "a\r\nY: b")])
        #expect(code(of: await send(split)) == .other)
    }

    @Test("Redirects are not followed")
    func redirect() async throws {
        let server = try StubServer(
            .answer(Array("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".utf8))
        )
        defer { server.stop() }
        #expect(try await send(OutboundRequest(url: server.url)).get().status == 302)
    }

    @Test("Cancelling the task ends the request and its connection")
    func cancellation() async throws {
        let server = try StubServer(.silence)
        defer { server.stop() }
        let client = CurlClient()
        defer { client.shutdown() }
        let request = OutboundRequest(url: server.url, timeout: .seconds(50))
        let sending = Task { await client.send(request) }
        #expect(try await eventually { server.requests.count == 1 })
        sending.cancel()
        #expect(code(of: await sending.value) == .cancelled)
        #expect(try await eventually { server.closed == 1 })
    }

    @Test("A task that is already cancelled sends nothing")
    func cancelledBefore() async throws {
        let client = CurlClient()
        defer { client.shutdown() }
        let sending = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await client.send(OutboundRequest(url: "http://127.0.0.1:1/"))
        }
        #expect(code(of: await sending.value) == .cancelled)
    }

    @Test("Shutting down ends what runs, what waits and what comes later")
    func shutdown() async throws {
        let server = try StubServer(.silence)
        defer { server.stop() }
        let client = CurlClient(runningMax: 1)
        let request = OutboundRequest(url: server.url, timeout: .seconds(50))
        let running = Task { await client.send(request) }
        #expect(try await eventually { server.requests.count == 1 })
        let waiting = Task { await client.send(request) }
        client.shutdown()
        #expect(code(of: await running.value) == .cancelled)
        #expect(code(of: await waiting.value) == .cancelled)
        #expect(code(of: await client.send(request)) == .cancelled)
    }

    @Test("Requests beyond the limit wait their turn and all are answered", arguments: [4, 1000])
    func many(runningMax: Int) async throws {
        let server = try StubServer(.answer(StubServer.response("200 OK", body: Array("ok".utf8))))
        defer { server.stop() }
        let client = CurlClient(runningMax: runningMax)
        defer { client.shutdown() }
        let request = OutboundRequest(url: server.url, timeout: .seconds(30), connectTimeout: .seconds(30))
        let answered = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<300 {
                group.addTask { if case .success = await client.send(request) { true } else { false } }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(answered == 300)
    }
}
