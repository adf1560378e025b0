import Glibc
import Logging
import NIOCore
import NIOPosix
import SignalboxProtocol
import Telemetry
import Testing

@testable import ControlPlane

@Suite("The listener of the metrics", .timeLimit(.minutes(1)))
struct MetricsServerTests {
    private let test: TestPlane

    init() throws {
        test = try TestPlane()
    }

    /// Sends the bytes on a connection when so many silent ones have been closed for others, and returns what it was told
    /// until its end.
    private func answer(
        to text: String,
        silent: Int = 0,
        evicted: Int = 0,
        limits: ListenerLimits
    ) async throws -> String {
        let (ports, port) = AsyncStream.makeStream(of: Int?.self)
        let server = MetricsServer(
            host: "127.0.0.1",
            port: 0,
            services: test.plane.services,
            directory: MetricsDirectory(path: test.folder.file("metrics"), .standard),
            buckets: .standard,
            limits: limits,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            onListening: { port.yield($0) }
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            var listening = ports.makeAsyncIterator()
            let port = try #require(await listening.next() ?? nil)
            let answer = try await withThrowingTaskGroup(of: Void.self) { clients in
                for _ in 0..<silent { clients.addTask { _ = try? await Self.answer(to: nil, port: port) } }
                for _ in 0..<evicted { try await clients.next() }
                let answer = try await Self.answer(to: text, port: port)
                try await clients.waitForAll()
                return answer
            }
            group.cancelAll()
            return answer
        }
    }

    private static func answer(to text: String?, port: Int) async throws -> String {
        let connection = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await connection.executeThenClose { inbound, outbound in
            var answer = ""
            do {
                if let text { try await outbound.write(ByteBuffer(string: text)) }
                for try await bytes in inbound { answer += String(buffer: bytes) }
            } catch let error as IOError where [ECONNRESET, EPIPE].contains(error.errnoCode) {
                // Closed with something unread: it was too late.
            }
            return answer
        }
    }

    @Test("closes connections that send no head, and those that stay silent behind an answer")
    func silent() async throws {
        let limits = ListenerLimits(connectionsMax: 8, headTimeout: .milliseconds(500), idleTimeout: .milliseconds(700))
        #expect(try await answer(to: "GET /met", silent: 1, limits: limits).isEmpty)
        let request = "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"
        #expect(try await answer(to: request, limits: limits).hasPrefix("HTTP/1.1 200"))
    }

    @Test("answers although more clients are silent than it takes")
    func crowd() async throws {
        let limits = ListenerLimits(connectionsMax: 4, headTimeout: .seconds(2), idleTimeout: .seconds(2))
        let request = "GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        // One place is kept free for the next client.
        let answer = try await answer(to: request, silent: 12, evicted: 9, limits: limits)
        #expect(answer.hasPrefix("HTTP/1.1 200"))
    }
}
