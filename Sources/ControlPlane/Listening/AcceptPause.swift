import Logging
import NIOCore
import SignalboxProtocol
import Telemetry

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Stops accepting for a moment when the system has no descriptor or memory for a connection: the socket stays readable,
/// and whoever polled it would spin.
///
/// It stands at the head of a listener's pipeline, before what the framework does with such errors.
final class AcceptPause: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias OutboundIn = Never

    static let time = TimeAmount.milliseconds(100)
    /// Time between two lines of the log about one lack.
    static let logInterval = TimeAmount.seconds(60)

    private let connections: ListenerConnections
    private let listener: String
    private let logger: Logger
    private var isPaused = false
    private var lastLogged: NIODeadline?

    init(connections: ListenerConnections, listener: String, logger: Logger) {
        self.connections = connections
        self.listener = listener
        self.logger = logger
    }

    /// Puts one at the head of a listener that is open.
    static func install(
        on channel: any Channel,
        connections: ListenerConnections,
        listener: String,
        logger: Logger
    ) async {
        // A listener that is closed already accepts nothing.
        try? await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.addHandler(
                AcceptPause(connections: connections, listener: listener, logger: logger),
                position: .first
            )
        }.get()
    }

    func read(context: ChannelHandlerContext) {
        // The end of the pause reads.
        if !isPaused { context.read() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let number = (error as? IOError)?.errnoCode, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(number) else {
            return context.fireErrorCaught(error)
        }
        guard !isPaused else { return }
        isPaused = true
        report(number)
        connections.makeRoom()
        let channel = context.channel
        try? channel.syncOptions?.setOption(.autoRead, value: false)
        context.eventLoop.assumeIsolated().scheduleTask(in: AcceptPause.time) {
            self.isPaused = false
            try? channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }

    private func report(_ number: Int32) {
        let now = NIODeadline.now()
        if let lastLogged, now - lastLogged < AcceptPause.logInterval { return }
        lastLogged = now
        logger.warning(
            "A client cannot be accepted for want of descriptors or memory; accepting pauses until there are some.",
            metadata: [
                "listener": "\(listener)", "reason": "\(SystemError.text(number))",
                "descriptor_limit": "\(DescriptorLimit.allowed)",
            ]
        )
    }
}
