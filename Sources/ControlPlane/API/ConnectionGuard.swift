import NIOCore
import NIOHTTP1

/// Refuses requests whose framing is ambiguous, and reads nothing more of a connection whose answer announced its end.
///
/// It stands right behind the HTTP decoder, since the version of a request and its raw fields are known only there.
final class ConnectionGuard: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// How long a connection stays half open after its last answer: closing while bytes of the client are unread would
    /// reset the connection, and the client might never see the answer.
    static let lingerTime = TimeAmount.seconds(2)

    /// Whether whatever the client still sends is thrown away.
    private var isInputIgnored = false
    private var isLastAnswer = false
    /// Whether the last answer of the connection was sent.
    private(set) var hasEnded = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isInputIgnored else { return }
        if case .head(let head) = unwrapInboundIn(data), !RequestFraming(of: head).isUnambiguous {
            isInputIgnored = true
            // The server answers a parser's error with 400 and `Connection: close`, after the requests before it.
            context.fireErrorCaught(HTTPParserError.unexpectedContentLength)
            return
        }
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isInputIgnored else { return }
        isInputIgnored = error is HTTPParserError
        context.fireErrorCaught(error)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !hasEnded else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(let head):
            isLastAnswer = head.headers[canonicalForm: "Connection"].contains { $0.lowercased() == "close" }
            context.write(data, promise: promise)
        case .body:
            context.write(data, promise: promise)
        case .end:
            guard isLastAnswer else { return context.write(data, promise: promise) }
            context.writeAndFlush(data, promise: promise)
            end(context)
        }
    }

    /// Tells the client that nothing more comes, and leaves it a moment to read the answer.
    private func end(_ context: ChannelHandlerContext) {
        isInputIgnored = true
        hasEnded = true
        context.close(mode: .output, promise: nil)
        context.eventLoop.assumeIsolated().scheduleTask(in: ConnectionGuard.lingerTime) {
            context.close(promise: nil)
        }
    }
}
