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
    private func answers(to text: String, on transport: AdminTransport) async throws -> String {
        let (ports, port) = AsyncStream.makeStream(of: Int?.self)
        let path = test.folder.file("admin.sock")
        let server = AdminServer(
            api: test.plane.api,
            address: transport == .tcp ? .tcp(host: "127.0.0.1", port: 0) : .unixSocket(path: path),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            onListening: { port.yield($0) }
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            var listening = ports.makeAsyncIterator()
            let answers = try await exchange(text, port: await listening.next() ?? nil, path: path)
            group.cancelAll()
            return answers
        }
    }

    /// With a port over TCP, else over the Unix socket.
    private func exchange(_ text: String, port: Int?, path: String) async throws -> String {
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
        return try await connection.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: text))
            var answers = ""
            for try await bytes in inbound { answers += String(buffer: bytes) }
            return answers
        }
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
