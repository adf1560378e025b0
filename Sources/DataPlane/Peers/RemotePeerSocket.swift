import CLinux
import DataPlaneCore
import Glibc

/// The UDP socket by which a data plane speaks with those of other hosts.
struct RemotePeerSocket: Sendable {
    private static let bufferBytes: Int32 = 1 << 20
    /// Longer than any datagram that is accepted, so that a cut one is none.
    private static let datagramBytesMax = 2_048

    let descriptor: Int32
    /// `AF_INET` or `AF_INET6`: what the addresses of peers must be.
    let family: Int32

    /// A replaced data plane and its successor have one port: of several sockets with `SO_REUSEADDR` the one that was bound last
    /// gets all datagrams, and when it is gone the one before.
    init(_ listen: HostPort) throws(ListenerError) {
        guard let address = listen.resolve(family: AF_UNSPEC, isPassive: true).first, case .ip(let ip, _) = address
        else {
            throw ListenerError("The host of --peers-listen \(listen) cannot be resolved.")
        }
        family = ip.isIPv6 ? AF_INET6 : AF_INET
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(family, type, 0)
        self.descriptor = descriptor
        guard descriptor >= 0 else { throw RemotePeerSocket.error(listen) }
        FileDescriptor.setOption(descriptor, level: SOL_SOCKET, name: SO_REUSEADDR, value: 1)
        FileDescriptor.setOption(descriptor, level: SOL_SOCKET, name: SO_RCVBUF, value: RemotePeerSocket.bufferBytes)
        FileDescriptor.setOption(descriptor, level: SOL_SOCKET, name: SO_SNDBUF, value: RemotePeerSocket.bufferBytes)
        if ip.isIPv6 { FileDescriptor.setOption(descriptor, level: Int32(IPPROTO_IPV6), name: IPV6_V6ONLY, value: 0) }
        guard unsafe SocketAddress.withPointer(to: address, { unsafe bind(descriptor, $0, $1) }) == 0 else {
            let error = RemotePeerSocket.error(listen)
            close(descriptor)
            throw error
        }
    }

    private static func error(_ listen: HostPort) -> ListenerError {
        let number = errno
        let reason = unsafe String(cString: strerror(number))
        return ListenerError(
            "Other hosts cannot be heard on --peers-listen \(listen): \(reason).",
            isInUse: number == EADDRINUSE
        )
    }

    /// Sends without waiting; what the system has no room for is lost.
    func send(_ bytes: [UInt8], to address: UpstreamAddress) {
        let descriptor = descriptor
        _ = unsafe SocketAddress.withPointer(to: address) { pointer, length in
            unsafe bytes.withUnsafeBytes { content in
                unsafe sendto(
                    descriptor,
                    content.baseAddress,
                    content.count,
                    Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT),
                    pointer,
                    length
                )
            }
        }
    }

    /// The next datagram and where it came from; nil when none waits.
    func receive() -> (bytes: [UInt8], from: UpstreamAddress)? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var count = -1
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: RemotePeerSocket.datagramBytesMax) { buffer, filled in
            count = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe recvfrom(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT), $0, &length)
                }
            }
            filled = max(0, count)
        }
        guard count >= 0, let (address, port) = SocketAddress.read(storage) else { return nil }
        return (bytes, .ip(address, port: port))
    }
}
