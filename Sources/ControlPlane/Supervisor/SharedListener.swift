internal import CLinux
internal import Glibc

/// The listening TCP socket that all data planes share. The supervisor owns it, so that the death of a data plane
/// loses no queued connection.
public struct SharedListener: ~Copyable, Sendable {
    private static let backlog: Int32 = 4096

    private let descriptor: Descriptor
    /// The address in numbers as it stands in a URL: `127.0.0.1:30000`, `[::1]:30000`.
    public let address: String

    /// The port that is bound, also when the kernel chose it.
    public var port: UInt16 { address.split(separator: ":").last.flatMap { UInt16($0) } ?? 0 }

    var number: Int32 { descriptor.number }

    /// Binds the first usable address of `host` and listens.
    ///
    /// Without `SO_REUSEPORT`, so that a port that anybody uses is refused.
    /// - Parameter port: 0 lets the kernel choose.
    public init(host: String, port: UInt16) throws(LaunchError) {
        var failure: LaunchError?
        for candidate in try SharedListener.addresses(of: host, port: port) {
            do throws(LaunchError) {
                let descriptor = try SharedListener.listen(on: candidate, host: host, port: port)
                self.address = try SharedListener.name(of: descriptor)
                self.descriptor = descriptor
                return
            } catch {
                failure = failure ?? error
            }
        }
        throw failure ?? .usage("The host '\(host)' has no address; check --host.")
    }

    private struct Address {
        var family: Int32
        var bytes: [UInt8]
    }

    private static func addresses(of host: String, port: UInt16) throws(LaunchError) -> [Address] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, "\(port)", &hints, &list)
        defer { freeaddrinfo(list) }
        guard result == 0 else {
            let reason = String(cString: gai_strerror(result))
            throw .usage("The host '\(host)' cannot be resolved (\(reason)); check --host.")
        }
        var addresses: [Address] = []
        var next = list
        while let entry = next?.pointee {
            let raw = UnsafeRawBufferPointer(start: entry.ai_addr, count: Int(entry.ai_addrlen))
            addresses.append(Address(family: entry.ai_family, bytes: Array(raw)))
            next = entry.ai_next
        }
        return addresses
    }

    private static func listen(on address: Address, host: String, port: UInt16) throws(LaunchError) -> Descriptor {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        guard let descriptor = Descriptor(taking: socket(address.family, type, 0)) else {
            throw .system("No socket can be made: \(systemReason()).")
        }
        var on: Int32 = 1
        setsockopt(descriptor.number, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        let isListening = address.bytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return false }
            let pointer = base.assumingMemoryBound(to: sockaddr.self)
            return bind(descriptor.number, pointer, socklen_t(bytes.count)) == 0
                && Glibc.listen(descriptor.number, backlog) == 0
        }
        guard isListening else { throw failure(errno, host: host, port: port) }
        return descriptor
    }

    private static func failure(_ number: Int32, host: String, port: UInt16) -> LaunchError {
        switch number {
        case EADDRINUSE:
            .inUse("Port \(port) on \(host) is already in use; stop the other process or choose another --port.")
        case EADDRNOTAVAIL:
            .usage("The address \(host) does not belong to this host; check --host.")
        case EACCES, EPERM:
            .cannotCreate("Port \(port) on \(host) needs more permissions; choose a --port above 1023.")
        default:
            .cannotCreate(
                "Port \(port) on \(host) cannot be opened (\(systemReason(number))); check --host and --port."
            )
        }
    }

    private static func name(of descriptor: borrowing Descriptor) throws(LaunchError) -> String {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        let number = descriptor.number
        let isNamed = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                getsockname(number, address, &length) == 0
                    && getnameinfo(
                        address,
                        length,
                        &host,
                        socklen_t(host.count),
                        &port,
                        socklen_t(port.count),
                        NI_NUMERICHOST | NI_NUMERICSERV
                    ) == 0
            }
        }
        guard isNamed else { throw .system("The address of the listening socket is unknown: \(systemReason()).") }
        func text(_ characters: [CChar]) -> String {
            String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        let hostText = text(host)
        return "\(hostText.contains(":") ? "[\(hostText)]" : hostText):\(text(port))"
    }
}
