import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// One listening socket, which can be closed and opened again on the same port.
final class Listener: Sendable {
    private enum State {
        case closed
        case opening
        case open(any Channel)
    }

    /// Connections that wait to be accepted.
    private static let backlog: Int32 = 4096
    /// Time between attempts to open a port that another process has taken meanwhile.
    private static let retryInterval = TimeAmount.milliseconds(100)

    private let group: any EventLoopGroup
    private let worker: Worker
    private let host: String
    private let followsFaults: Bool
    private let state = Mutex(State.closed)
    private let wantsOpen = Mutex(false)
    private let boundPort = Mutex(0)

    /// A listener on `host`; with `followsFaults` connections are accepted as late as a fault wants.
    init(group: any EventLoopGroup, worker: Worker, host: String, port: Int, followsFaults: Bool) {
        self.group = group
        self.worker = worker
        self.host = host
        self.followsFaults = followsFaults
        boundPort.withLock { $0 = port }
    }

    /// The port: the one that was asked for until the socket is open, then the true one.
    var port: Int { boundPort.withLock { $0 } }

    /// Opens the socket without accepting from it, so that the caller learns the port before the first connection.
    func open() async throws {
        wantsOpen.withLock { $0 = true }
        let channel = try await bootstrap().bind(host: host, port: port).get()
        boundPort.withLock { $0 = channel.localAddress?.port ?? $0 }
        state.withLock { $0 = .open(channel) }
    }

    /// Accepts connections from now on.
    func accept() async throws {
        guard case .open(let channel) = state.withLock({ $0 }) else { return }
        try await channel.setOption(.autoRead, value: true).get()
    }

    /// Closes the socket, or opens it again, as `isOpen` says.
    func set(isOpen: Bool) {
        wantsOpen.withLock { $0 = isOpen }
        isOpen ? reopen() : close()
    }

    private func close() {
        let channel = state.withLock { state -> (any Channel)? in
            guard case .open(let channel) = state else { return nil }
            state = .closed
            return channel
        }
        channel?.close(promise: nil)
    }

    private func reopen() {
        let isClosed = state.withLock { state -> Bool in
            guard case .closed = state else { return false }
            state = .opening
            return true
        }
        guard isClosed else { return }
        bootstrap().bind(host: host, port: port).whenComplete { result in
            switch result {
            case .success(let channel):
                self.state.withLock { $0 = .open(channel) }
                channel.setOption(.autoRead, value: true).whenFailure { _ in }
                if !self.wantsOpen.withLock({ $0 }) { self.close() }
            case .failure:
                self.state.withLock { $0 = .closed }
                self.group.next().scheduleTask(in: Listener.retryInterval) {
                    if self.wantsOpen.withLock({ $0 }) { self.reopen() }
                }
            }
        }
    }

    private func bootstrap() -> ServerBootstrap {
        let (worker, followsFaults) = (worker, followsFaults)
        return ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Listener.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.autoRead, value: false)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if followsFaults { try channel.pipeline.syncOperations.addHandler(AcceptGate(worker: worker)) }
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)))
                    try pipeline.addHandler(ConnectionHandler(worker: worker))
                }
            }
    }
}
