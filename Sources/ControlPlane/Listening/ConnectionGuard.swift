import NIOCore
import NIOHTTP1

/// Holds a connection to the rules of HTTP/1.1 that the framework leaves open: refuses heads that must be refused, says
/// `100 Continue`, ends the connection where it must end, and tells its listener whose move it is.
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

    private let connections: ListenerConnections
    private let headTimeout: TimeAmount
    private var id: ConnectionSlots.ID?
    private var headDeadline: Scheduled<Void>?
    private var pending = PendingRequests()
    /// Whether whatever the client still sends is thrown away.
    private var isInputIgnored = false
    /// The status of the answer behind all pending ones; nil: nothing was refused.
    private var refusal: HTTPResponseStatus?
    private var isLastAnswer = false
    /// Whether the last answer of the connection was sent.
    private(set) var hasEnded = false

    init(connections: ListenerConnections, headTimeout: TimeAmount) {
        self.connections = connections
        self.headTimeout = headTimeout
    }

    func handlerAdded(context: ChannelHandlerContext) {
        id = connections.enter(context.channel)
        headDeadline = context.eventLoop.assumeIsolated().scheduleTask(in: headTimeout) { context.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        headDeadline?.cancel()
        if let id { connections.leave(id) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isInputIgnored else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            headDeadline?.cancel()
            let terms = RequestTerms(of: head)
            if let status = terms.refusal { return refuse(status, context) }
            pending.headRead(terms)
        case .body: pending.bodyRead()
        case .end: isInputIgnored = pending.endRead()
        }
        tellWhoseTurn()
        context.fireChannelRead(data)
        continueIfAwaited(context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isInputIgnored else { return }
        isInputIgnored = error is HTTPParserError
        context.fireErrorCaught(error)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is ListenerConnections.Eviction else { return context.fireUserInboundEventTriggered(event) }
        if !pending.isServersTurn { context.close(promise: nil) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !hasEnded else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(let head):
            let head = judged(head)
            pending.answerBegan()
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body:
            context.write(data, promise: promise)
        case .end:
            pending.answerEnded()
            guard isLastAnswer else {
                context.write(data, promise: promise)
                continueIfAwaited(context)
                break
            }
            context.writeAndFlush(data, promise: promise)
            end(context)
        }
        tellWhoseTurn()
    }

    /// The head of an answer with what its request asked of the connection.
    private func judged(_ head: HTTPResponseHead) -> HTTPResponseHead {
        var head = head
        if let request = pending.next {
            if request.isHTTP10, !head.headers.contains(name: "Content-Length") {
                // Such a client knows no chunks: the end of the connection ends the answer.
                head.version = .http1_0
                head.headers.replaceOrAdd(name: "Connection", value: "close")
            } else if !request.isPersistent {
                head.headers.replaceOrAdd(name: "Connection", value: "close")
            } else if request.isHTTP10, !head.headers.contains(name: "Connection") {
                head.headers.add(name: "Connection", value: "keep-alive")
            }
        } else if let refusal {
            head.status = refusal
        }
        isLastAnswer = head.headers[canonicalForm: "Connection"].contains { $0.lowercased() == "close" }
        return head
    }

    private func refuse(_ status: HTTPResponseStatus, _ context: ChannelHandlerContext) {
        isInputIgnored = true
        refusal = status
        // The server answers a parser's error with 400 and `Connection: close`, after the requests before it.
        context.fireErrorCaught(HTTPParserError.unexpectedContentLength)
    }

    private func continueIfAwaited(_ context: ChannelHandlerContext) {
        guard pending.takesContinue() else { return }
        let head = HTTPResponseHead(version: .http1_1, status: .continue)
        context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
    }

    private func tellWhoseTurn() {
        guard let id else { return }
        if pending.isServersTurn { connections.works(id) } else { connections.waits(id) }
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
