import CLinux
import DataPlaneCore
import Glibc

/// A host and a port as they stand on a command line: `gpu7:7000`, `10.0.0.7:7000`, `[fd00::7]:7000`.
public struct HostPort: Hashable, Sendable, CustomStringConvertible {
    /// Most addresses of one name that are used.
    static let addressesMax = 64

    public let host: String
    public let port: UInt16

    /// Nil when `text` is none.
    public init?(_ text: String) {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")),
            let port = UInt16(text[text.index(after: colon)...]),
            port > 0
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.utf8.contains(UInt8(ascii: ":")) {
            return nil
        }
        guard !host.isEmpty, host.utf8.count <= 253 else { return nil }
        self.host = String(host)
        self.port = port
    }

    public var description: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Asks the system for the addresses of datagram sockets; blocks for as long as that takes.
    ///
    /// - Parameter family: `AF_INET6` gets those of IPv4 in IPv6's form when there are no others.
    func resolve(family: Int32, isPassive: Bool = false) -> [UpstreamAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = family
        unsafe hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        unsafe hints.ai_flags =
            AI_NUMERICSERV | (isPassive ? AI_PASSIVE : 0) | (family == AF_INET6 ? AI_V4MAPPED : 0)
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, "\(port)", &hints, &list) == 0 else { return [] }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [UpstreamAddress] = []
        var entry = unsafe list
        while let current = unsafe entry, addresses.count < HostPort.addressesMax {
            if let (address, port) = unsafe current.pointee.ai_addr.flatMap({ unsafe SocketAddress.read($0) }),
                !addresses.contains(.ip(address, port: port))
            {
                addresses.append(.ip(address, port: port))
            }
            unsafe entry = unsafe current.pointee.ai_next
        }
        return addresses
    }
}
