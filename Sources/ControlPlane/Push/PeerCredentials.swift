internal import Glibc
internal import NIOCore

/// Who is at the other end of a Unix stream socket, as the kernel noted it when the connection was made.
///
/// The layout is that of the kernel's `struct ucred`.
struct PeerCredentials: Sendable {
    var processID: Int32 = 0
    var userID: UInt32 = .max
    var groupID: UInt32 = .max

    /// Reads `SO_PEERCRED` of `channel`; nil when it is no Unix socket.
    static func of(_ channel: any Channel) -> EventLoopFuture<PeerCredentials?> {
        guard let provider = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeSucceededFuture(nil)
        }
        let future: EventLoopFuture<PeerCredentials> = provider.unsafeGetSocketOption(
            level: .socket,
            name: .init(rawValue: SO_PEERCRED)
        )
        return future.map { $0 }.recover { _ in nil }
    }

    /// Whether the peer is this process's own user or root.
    var isTrusted: Bool { userID == getuid() || userID == 0 }
}
