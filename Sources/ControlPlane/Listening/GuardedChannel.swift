import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1

/// A connection of the admin API or of the metrics: HTTP/1.1 as the framework speaks it, behind a ``ConnectionGuard``.
struct GuardedChannel: ServerChildChannel {
    private let http: HTTP1Channel
    private let limits: ListenerLimits
    private let connections: ListenerConnections

    init(
        responder: @escaping HTTPChannelHandler.Responder,
        limits: ListenerLimits,
        connections: ListenerConnections
    ) {
        self.limits = limits
        self.connections = connections
        http = HTTP1Channel(
            responder: { request, writer, channel in
                guard try await !GuardedChannel.hasEnded(channel) else { return }
                try await responder(request, writer, channel)
            },
            configuration: .init(idleTimeout: limits.idleTimeout)
        )
    }

    /// Whether the last answer was sent; requests that were read before that, behind the refused one, are not done.
    private static func hasEnded(_ channel: any Channel) async throws -> Bool {
        try await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.handler(type: ConnectionGuard.self).hasEnded
        }.get()
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        http.setup(channel: channel, logger: logger).flatMapThrowing { value in
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            let guardian = ConnectionGuard(connections: connections, headTimeout: limits.headTimeout)
            try pipeline.addHandler(guardian, position: .after(decoder))
            return value
        }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await http.handle(value: value, logger: logger)
    }
}
