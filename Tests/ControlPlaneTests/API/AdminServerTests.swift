import Logging
import NIOCore
import NIOPosix
import Testing

@testable import ControlPlane

@Suite("A listener of the admin API", .timeLimit(.minutes(1)))
struct AdminServerTests {
    private static let added = "POST /add_worker?wait=false&url=http://a:1 HTTP/1.1\r\nHost: h\r\n"
    private static let smuggled = "POST /add_worker?wait=false&url=http://b:1 HTTP/1.1\r\nHost: h\r\n\r\n"

    private let test: TestPlane

    init() throws {
        test = try TestPlane()
    }

    /// Sends the bytes to a listener, and returns all it says until it closes the connection.
    private func answers(
        to text: String,
        on transport: AdminTransport,
        limits: ListenerLimits = ListenerLimits(connectionsMax: 16)
    ) async throws -> String {
        try await serve(on: transport, limits: limits) { try await exchange(text, port: $0, path: $1) }
    }

    /// Runs a listener for the time of `body`, which gets the port, or nil and the path of the Unix socket.
    private func serve<Result: Sendable>(
        on transport: AdminTransport,
        limits: ListenerLimits = ListenerLimits(connectionsMax: 16),
        _ body: (Int?, String) async throws -> Result
    ) async throws -> Result {
        let (ports, port) = AsyncStream.makeStream(of: Int?.self)
        let path = test.folder.file("admin.sock")
        let server = AdminServer(
            api: test.plane.api,
            address: transport == .tcp ? .tcp(host: "127.0.0.1", port: 0) : .unixSocket(path: path),
            limits: limits,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            onListening: { port.yield($0) }
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            var listening = ports.makeAsyncIterator()
            let result = try await body(await listening.next() ?? nil, path)
            group.cancelAll()
            return result
        }
    }

    private func exchange(_ text: String, port: Int?, path: String) async throws -> String {
        try await Self.connected(port: port, path: path) { inbound, outbound in
            try await outbound.write(ByteBuffer(string: text))
            var answers = ""
            for try await bytes in inbound { answers += String(buffer: bytes) }
            return answers
        }
    }

    /// With a port over TCP, else over the Unix socket.
    private static func connected<Result: Sendable>(
        port: Int?,
        path: String,
        _ body:
            @Sendable (NIOAsyncChannelInboundStream<ByteBuffer>, NIOAsyncChannelOutboundWriter<ByteBuffer>) async throws
            ->
            Result
    ) async throws -> Result {
        let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        let wrap: @Sendable (any Channel) -> EventLoopFuture<NIOAsyncChannel<ByteBuffer, ByteBuffer>> = { channel in
            channel.eventLoop.makeCompletedFuture { try NIOAsyncChannel(wrappingChannelSynchronously: channel) }
        }
        let connection =
            if let port {
                try await bootstrap.connect(host: "127.0.0.1", port: port, channelInitializer: wrap)
            } else {
                try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: wrap)
            }
        return try await connection.executeThenClose(body)
    }

    private func workers() async throws -> Int { try await test.store.workers().count }

    private func statuses(_ answers: String) -> [String] {
        answers.split(separator: "HTTP/1.1 ").map { String($0.prefix(3)) }
    }

    @Test("does what a request asks for whose body is whole", arguments: [AdminTransport.tcp, .unixSocket])
    func whole(transport: AdminTransport) async throws {
        let body = "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        let answers = try await answers(to: AdminServerTests.added + body, on: transport)
        #expect(statuses(answers) == ["202"])
        #expect(try await workers() == 1)
    }

    @Test(
        "answers 400, closes and does nothing when the body breaks",
        arguments: [AdminTransport.tcp, .unixSocket],
        ["zz\r\n\r\n", "3 \r\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n", "fffffffffffffffff\r\n"]
    )
    func broken(transport: AdminTransport, body: String) async throws {
        let request = AdminServerTests.added + "Transfer-Encoding: chunked\r\n\r\n" + body + AdminServerTests.smuggled
        let answers = try await answers(to: request, on: transport)
        #expect(statuses(answers) == ["400"])
        #expect(answers.lowercased().contains("connection: close"))
        #expect(try await workers() == 0)
    }

    @Test(
        "answers 400, closes and reads nothing more when the framing is ambiguous",
        arguments: [AdminTransport.tcp, .unixSocket],
        [
            "HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked",
            "HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked",
            "HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5",
        ]
    )
    func ambiguous(transport: AdminTransport, head: String) async throws {
        let line = "POST /add_worker?wait=false&url=http://a:1 "
        let answers = try await answers(
            to: line + head + "\r\n\r\n0\r\n\r\n" + AdminServerTests.smuggled,
            on: transport
        )
        #expect(statuses(answers) == ["400"])
        #expect(answers.lowercased().contains("connection: close"))
        #expect(try await workers() == 0)
    }

    @Test("answers what came before a refused request")
    func before() async throws {
        let refused = AdminServerTests.added + "Transfer-Encoding: gzip\r\n\r\n"
        let answers = try await answers(to: "GET /version HTTP/1.1\r\nHost: h\r\n\r\n" + refused, on: .tcp)
        #expect(statuses(answers) == ["200", "400"])
    }

    private static let listing = "GET /version HTTP/1.1\r\n"

    @Test(
        "closes behind an answer whose request does not let the connection stay",
        arguments: [
            "HTTP/1.0\r\n", "HTTP/1.0\r\nConnection: keep-alive, close\r\n",
            "HTTP/1.1\r\nHost: h\r\nConnection: foo, close\r\n",
            "HTTP/1.1\r\nHost: h\r\nConnection: foo\r\nConnection: Close\r\n",
        ]
    )
    func closing(head: String) async throws {
        let answers = try await answers(to: "GET /version \(head)\r\n" + AdminServerTests.smuggled, on: .tcp)
        #expect(statuses(answers) == ["200"])
        #expect(answers.lowercased().contains("connection: close"))
        #expect(try await workers() == 0)
    }

    @Test("keeps a connection of HTTP/1.0 that asks for it")
    func keepAlive() async throws {
        let request = "GET /version HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
        let last = AdminServerTests.listing + "Host: h\r\nConnection: close\r\n\r\n"
        let answers = try await answers(to: request + last, on: .tcp)
        #expect(statuses(answers) == ["200", "200"])
        #expect(answers.lowercased().contains("connection: keep-alive"))
    }

    @Test(
        "answers 400 and closes when the host is missing, doubled or invalid",
        arguments: ["", "Host: a\r\nHost: a\r\n", "Host: a b\r\n", "Host: u@a\r\n", "Host: a:b\r\n"]
    )
    func host(fields: String) async throws {
        let request = "POST /add_worker?wait=false&url=http://a:1 HTTP/1.1\r\n" + fields + "\r\n"
        let answers = try await answers(to: request + AdminServerTests.smuggled, on: .tcp)
        #expect(statuses(answers) == ["400"])
        #expect(answers.lowercased().contains("connection: close"))
        #expect(try await workers() == 0)
    }

    @Test("answers 417 to an expectation that it does not know, behind the answers before it")
    func expectation() async throws {
        let first = AdminServerTests.listing + "Host: h\r\n\r\n"
        let request = AdminServerTests.added + "Expect: magic\r\nContent-Length: 1\r\n\r\na"
        let answers = try await answers(to: first + request + AdminServerTests.smuggled, on: .tcp)
        #expect(statuses(answers) == ["200", "417"])
        #expect(try await workers() == 0)
    }

    @Test("says 100 Continue to a client that waits with its body")
    func continues() async throws {
        let head = AdminServerTests.added + "Connection: close\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"
        let (first, rest) = try await serve(on: .tcp) { port, path in
            try await Self.connected(port: port, path: path) { inbound, outbound in
                try await outbound.write(ByteBuffer(string: head))
                var iterator = inbound.makeAsyncIterator()
                let first = try await iterator.next().map { String(buffer: $0) }
                try await outbound.write(ByteBuffer(string: "a"))
                var rest = ""
                while let bytes = try await iterator.next() { rest += String(buffer: bytes) }
                return (first, rest)
            }
        }
        #expect(first == "HTTP/1.1 100 Continue\r\n\r\n")
        #expect(statuses(rest) == ["202"])
        #expect(try await workers() == 1)
    }

    @Test("says no 100 Continue when nothing is waited for")
    func continuesNot() async throws {
        let ten =
            "POST /add_worker?wait=false&url=http://a:1 HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na"
        #expect(statuses(try await answers(to: ten, on: .tcp)) == ["202"])
        let empty = AdminServerTests.listing + "Host: h\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n"
        #expect(statuses(try await answers(to: empty, on: .tcp)) == ["200"])
    }

    @Test("closes a connection whose first head does not come in time")
    func headTimeout() async throws {
        let limits = ListenerLimits(connectionsMax: 16, headTimeout: .seconds(1))
        #expect(try await answers(to: "GET /version HT", on: .tcp, limits: limits) == "")
    }

    @Test("closes the connection that is silent for the longest time when there are too many")
    func crowd() async throws {
        let limits = ListenerLimits(connectionsMax: 4, headTimeout: .hours(1), idleTimeout: .hours(1))
        try await serve(on: .tcp, limits: limits) { port, path in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<12 {
                    group.addTask {
                        // Ends by itself only because it is evicted.
                        _ = try? await Self.connected(port: port, path: path) { inbound, _ in
                            for try await _ in inbound {}
                        }
                    }
                }
                // One place is kept free for the next client.
                for _ in 0..<9 { try await group.next() }
                let text = AdminServerTests.listing + "Host: h\r\nConnection: close\r\n\r\n"
                #expect(statuses(try await exchange(text, port: port, path: path)) == ["200"])
                try await group.next()
                group.cancelAll()
            }
        }
    }

    @Test("answers 413, closes and does nothing when the body is too long")
    func tooLong() async throws {
        let length = AdminContext.bodyBytesMax + 1
        let request =
            AdminServerTests.added + "Content-Length: \(length)\r\n\r\n" + String(repeating: "a", count: length)
        let answers = try await answers(to: request + AdminServerTests.smuggled, on: .tcp)
        #expect(statuses(answers) == ["413"])
        #expect(try await workers() == 0)
    }
}
