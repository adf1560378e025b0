internal import NIOCore
internal import SignalboxProtocol

/// Moves bytes between one socket and the registry: passes on what arrives, pulls what is to be sent.
///
/// One message is in the socket's hands at a time, so a reader that has stopped holds no more than that.
final class DataPlaneConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Says that there may be something new to send.
    struct OutputMayBeDue: Sendable {}

    private let connection: DataPlaneRegistry.ConnectionID
    private let publisher: DataPlanesPublisher
    private let heartbeat: ByteBuffer
    private var isWriting = false

    init(connection: DataPlaneRegistry.ConnectionID, publisher: DataPlanesPublisher, heartbeat: ByteBuffer) {
        self.connection = connection
        self.publisher = publisher
        self.heartbeat = heartbeat
    }

    func channelActive(context: ChannelHandlerContext) {
        if !publisher.connected(connection, channel: context.channel) { context.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        publisher.received(Array(unwrapInboundIn(data).readableBytesView), from: connection)
        send(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is OutputMayBeDue {
            send(context)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        publisher.disconnected(connection)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// Sends until nothing is due or the socket is full; goes on when the socket has taken the last message.
    private func send(_ context: ChannelHandlerContext) {
        guard !isWriting, context.channel.isActive, let output = publisher.nextOutput(for: connection) else { return }
        let bytes =
            switch output {
            case .snapshot(let snapshot): snapshot.bytes
            case .health(let health): health.bytes
            case .secrets(let secrets): secrets.bytes
            case .heartbeat: heartbeat
            }
        isWriting = true
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenSuccess {
            let (handler, context) = bound.value
            handler.isWriting = false
            handler.send(context)
        }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: written)
    }
}
