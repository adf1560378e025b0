import NIOCore

/// Holds each accepted connection back while a fault wants slow accepts: it is open for the client, but nobody reads.
final class AcceptGate: ChannelInboundHandler, Sendable {
    typealias InboundIn = any Channel

    private let worker: Worker

    init(worker: Worker) {
        self.worker = worker
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let delay = worker.acceptRule.rule.delay
        guard delay > .zero else {
            context.fireChannelRead(data)
            return
        }
        let connection = unwrapInboundIn(data)
        let amount = TimeAmount.nanoseconds(Int64(delay / .nanoseconds(1)))
        context.eventLoop.assumeIsolated().scheduleTask(in: amount) {
            if context.channel.isActive {
                context.fireChannelRead(NIOAny(connection))
            } else {
                connection.close(promise: nil)
            }
        }
    }
}
