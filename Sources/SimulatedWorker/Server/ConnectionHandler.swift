import NIOCore
import NIOHTTP1

/// Serves one connection: one exchange at a time, requests that come early wait.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    /// Bytes of early requests that are kept; a connection with more is closed.
    private static let earlyBytesMax = 1 << 20
    /// Parts of early requests that are kept.
    private static let earlyPartsMax = 4096

    private let worker: Worker
    private let identity: String
    private var exchange: Exchange?
    private var early: CircularBuffer<HTTPServerRequestPart> = []
    private var earlyBytes = 0
    private var isDraining = false
    private var isClosing = false
    private var idleTimer: Scheduled<Void>?

    init(worker: Worker) {
        self.worker = worker
        identity = worker.identity
    }

    func channelActive(context: ChannelHandlerContext) {
        worker.record { statistics in
            statistics.openConnections += 1
            statistics.acceptedConnections += 1
        }
        startIdleTimer(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        guard !isClosing else { return }
        guard exchange?.isRequestComplete ?? false else {
            process(part, context)
            return
        }
        if case .body(let buffer) = part { earlyBytes += buffer.readableBytes }
        early.append(part)
        if earlyBytes > ConnectionHandler.earlyBytesMax || early.count > ConnectionHandler.earlyPartsMax {
            context.close(promise: nil)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        exchange?.writabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        idleTimer?.cancel()
        let ended = exchange
        exchange = nil
        let now = WallTime.now
        worker.record { statistics in
            statistics.openConnections -= 1
            guard let ended, ended.route.isWork else { return }
            statistics.inFlight -= 1
            statistics.countAbort(in: ended.phase, at: now)
        }
        ended?.connectionClosed()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError, !isClosing, exchange?.writer.hasBegun != true else {
            context.close(promise: nil)
            return
        }
        isClosing = true
        let body = Documents.error(400, type: "bad_request", "The request is not valid HTTP/1.1: \(error).")
        let head = ResponseHead(status: 400, framing: .length(body.readableBytes), closesConnection: true)
        var buffer = context.channel.allocator.buffer(capacity: 512)
        head.write(identity: identity, into: &buffer)
        buffer.writeImmutableBuffer(body)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(buffer)).whenComplete { _ in channel.close(promise: nil) }
    }

    private func process(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch part {
        case .head(let head):
            idleTimer?.cancel()
            idleTimer = nil
            exchange = Exchange(head: head, context: context, worker: worker, identity: identity) {
                [unowned self] exchange, end in
                exchangeEnded(exchange, end, context)
            }
            if head.headers.first(name: "expect")?.lowercased() == "100-continue" {
                let interim = ByteBuffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n")
                context.writeAndFlush(wrapOutboundOut(interim), promise: nil)
            }
        case .body(let buffer): exchange?.receive(buffer)
        case .end: exchange?.complete()
        }
    }

    private func exchangeEnded(_ ended: Exchange, _ end: ResponseWriter.End, _ context: ChannelHandlerContext) {
        guard exchange === ended else { return }
        exchange = nil
        let keepsConnection: Bool
        switch end {
        case .complete(let keeps): keepsConnection = keeps
        case .spoiled: keepsConnection = false
        }
        worker.record { statistics in
            guard ended.route.isWork else { return }
            statistics.inFlight -= 1
            if case .complete = end { statistics.completed += 1 } else { statistics.faulted += 1 }
        }
        guard keepsConnection else {
            isClosing = true
            ended.connectionClosed()
            return
        }
        startIdleTimer(context)
        processEarly(context)
    }

    /// Serves the requests that came while another one was being served.
    private func processEarly(_ context: ChannelHandlerContext) {
        guard !isDraining, !early.isEmpty else { return }
        isDraining = true
        defer { isDraining = false }
        while !isClosing, !(exchange?.isRequestComplete ?? false), let part = early.popFirst() {
            if case .body(let buffer) = part { earlyBytes -= buffer.readableBytes }
            process(part, context)
        }
    }

    private func startIdleTimer(_ context: ChannelHandlerContext) {
        let keepAlive = worker.configuration.keepAlive
        guard keepAlive > .zero else { return }
        let amount = TimeAmount.nanoseconds(Int64(keepAlive / .nanoseconds(1)))
        idleTimer = context.eventLoop.assumeIsolated().scheduleTask(in: amount) { context.close(promise: nil) }
    }
}
