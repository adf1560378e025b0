import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1

/// A connection of the admin API: HTTP/1.1 as the framework speaks it, behind a ``ConnectionGuard``.
struct AdminChannel: ServerChildChannel {
    private let http: HTTP1Channel

    init(responder: @escaping HTTPChannelHandler.Responder, idleTimeout: TimeAmount) {
        http = HTTP1Channel(
            responder: { request, writer, channel in
                guard try await !AdminChannel.hasEnded(channel) else { return }
                try await responder(request, writer, channel)
            },
            configuration: .init(idleTimeout: idleTimeout)
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
            try pipeline.addHandler(ConnectionGuard(), position: .after(decoder))
            return value
        }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await http.handle(value: value, logger: logger)
    }
}
