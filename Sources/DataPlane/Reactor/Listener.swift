import CLinux
import DataPlaneCore
import Glibc

/// The listening socket of a data plane: inherited from the supervisor, or bound by itself.
public struct Listener: Sendable {
    public let descriptor: Int32
    /// What is bound, for messages: `127.0.0.1:30000`.
    public let address: String
    public let port: UInt16
    /// The socket belongs to the supervisor and to the other data planes as well.
    private let isInherited: Bool

    /// Connections that the kernel holds until a thread takes them.
    private static let backlog: Int32 = 4096

    /// Takes over an inherited descriptor, which must be a listening stream socket.
    public init(inherited descriptor: Int32) throws(ListenerError) {
        var listening: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0, listening == 1 else {
            throw ListenerError("The descriptor \(descriptor) of --listen-fd is not a listening socket.")
        }
        _ = signalbox_fcntl(descriptor, F_SETFL, signalbox_fcntl(descriptor, F_GETFL, 0) | O_NONBLOCK)
        _ = signalbox_fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        self.init(descriptor: descriptor, isInherited: true)
    }

    /// Binds and listens.
    ///
    /// - Parameter sharesPort: several processes may bind the same port (SO_REUSEPORT); they then share its clients.
    public init(host: String, port: UInt16, sharesPort: Bool) throws(ListenerError) {
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let result = unsafe getaddrinfo(host, String(port), &hints, &list)
        guard result == 0, let first = unsafe list else {
            throw ListenerError(
                unsafe "The host '\(host)' of --host cannot be resolved: \(String(cString: gai_strerror(result)))."
            )
        }
        defer { unsafe freeaddrinfo(list) }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = unsafe socket(first.pointee.ai_family, type, 0)
        guard descriptor >= 0 else { throw ListenerError("No socket can be opened: \(Listener.reason()).") }
        FileDescriptor.setOption(descriptor, level: SOL_SOCKET, name: SO_REUSEADDR, value: 1)
        if sharesPort { FileDescriptor.setOption(descriptor, level: SOL_SOCKET, name: SO_REUSEPORT, value: 1) }
        guard unsafe bind(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0,
            listen(descriptor, Listener.backlog) == 0
        else {
            let isTaken = errno == EADDRINUSE
            let reason = Listener.reason()
            _ = close(descriptor)
            throw isTaken
                ? ListenerError("Port \(port) on \(host) is already in use; choose another with --port.", isInUse: true)
                : ListenerError("Cannot listen on \(host) port \(port) (--host, --port): \(reason).")
        }
        self.init(descriptor: descriptor, isInherited: false)
    }

    /// Refuses new connections, unless other processes go on to take them from the same socket.
    func closeForGood() {
        if !isInherited { shutdown(descriptor, Int32(SHUT_RDWR)) }
        close(descriptor)
    }

    private init(descriptor: Int32, isInherited: Bool) {
        self.isInherited = isInherited
        self.descriptor = descriptor
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        _ = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &length)
            }
        }
        if let (bound, boundPort) = SocketAddress.read(storage) {
            address = bound.isIPv6 ? "[\(bound)]:\(boundPort)" : "\(bound):\(boundPort)"
            port = boundPort
        } else {
            address = "unknown"
            port = 0
        }
    }

    private static func reason() -> String { unsafe String(cString: strerror(errno)) }
}

/// Why there is no listening socket, as a sentence that names the flag.
public struct ListenerError: Error, Sendable, CustomStringConvertible {
    public let description: String
    /// Another process has the port.
    public let isInUse: Bool

    public init(_ description: String, isInUse: Bool = false) {
        self.description = description
        self.isInUse = isInUse
    }
}
