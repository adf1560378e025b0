import Synchronization
import Testing

@testable import ControlPlane

@Suite("Responses that the outbound client hands on piece by piece", .timeLimit(.minutes(1)))
struct CurlStreamingTests {
    private static let head = Array("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".utf8)

    private func send(
        _ script: StubServer.Script,
        silence: Duration? = nil,
        timeout: Duration = .seconds(30),
        receive: @escaping @Sendable (UnsafeRawBufferPointer) -> Bool
    ) async throws -> (Result<OutboundResponse, OutboundError>, StubServer) {
        let server = try StubServer(script)
        let client = CurlClient()
        defer { client.shutdown() }
        var request = OutboundRequest(url: server.url, timeout: timeout)
        request.silenceMax = silence
        request.responseBytesMax = 100
        request.receive = receive
        return (await client.send(request), server)
    }

    @Test("All bytes come in their order, as many as there are, and none is kept")
    func order() async throws {
        let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        let received = Mutex<[UInt8]>([])
        let (result, server) = try await send(.answer(StubServer.response("200 OK", body: body))) { bytes in
            received.withLock { $0 += bytes }
            return true
        }
        server.stop()
        #expect(try result.get().body.isEmpty)
        #expect(received.withLock { $0 } == body)
    }

    @Test("Who has enough ends it, and the connection")
    func enough() async throws {
        let pieces = Mutex(0)
        let (result, server) = try await send(.drip(CurlStreamingTests.head)) { _ in
            pieces.withLock { pieces in
                pieces += 1
                return pieces < 3
            }
        }
        guard case .failure(let error) = result else {
            Issue.record("it went on for ever")
            return
        }
        #expect(error.message.hasSuffix("was not taken to its end."))
        #expect(pieces.withLock { $0 } == 3)
        while server.closed == 0 { await Task.yield() }
        server.stop()
    }

    @Test("An answer that is no success is no piece, and has its limit")
    func refusal() async throws {
        let answer = StubServer.response("410 Gone", body: Array("too old".utf8))
        let (result, server) = try await send(.answer(answer)) { _ in
            Issue.record("a piece of an error")
            return true
        }
        server.stop()
        #expect(try result.get().status == 410)
        #expect(try result.get().body == Array("too old".utf8))
        let long = StubServer.response("403 Forbidden", body: [UInt8](repeating: 0x78, count: 101))
        let (tooLong, second) = try await send(.answer(long)) { _ in true }
        second.stop()
        guard case .failure(let error) = tooLong else {
            Issue.record("an error of any length is taken")
            return
        }
        #expect(error.code == .tooLarge)
    }

    @Test("Silence beyond its limit ends it long before the whole time is over")
    func silence() async throws {
        let first = CurlStreamingTests.head + Array("one\n".utf8)
        let received = Mutex<[UInt8]>([])
        let (result, server) = try await send(.answer(first), silence: .seconds(1)) { bytes in
            received.withLock { $0 += bytes }
            return true
        }
        server.stop()
        guard case .failure(let error) = result else {
            Issue.record("silence is taken for an end")
            return
        }
        #expect(error.code == .timeout && error.message.contains("said nothing for 1.0 seconds"))
        #expect(received.withLock { $0 } == Array("one\n".utf8))
    }

    @Test("What says little says something")
    func little() async throws {
        let begun = ContinuousClock.now
        let (result, server) = try await send(.drip(CurlStreamingTests.head), silence: .seconds(1)) { _ in
            ContinuousClock.now - begun < .milliseconds(2_500)
        }
        server.stop()
        guard case .failure(let error) = result else {
            Issue.record("it went on for ever")
            return
        }
        #expect(error.message.hasSuffix("was not taken to its end."))
        #expect(ContinuousClock.now - begun >= .milliseconds(2_500))
    }
}
