import CLinux
import DataPlaneCore
import Glibc

/// Addresses between their value form and the kernel's.
enum SocketAddress {
    /// Calls `body` with the kernel's form of an address. Nil when the path of a Unix socket is too long for it.
    static func withPointer<Result>(
        to address: UpstreamAddress,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result? {
        switch address {
        case .ip(let ip, let port) where ip.isIPv6:
            var storage = sockaddr_in6()
            storage.sin6_family = sa_family_t(AF_INET6)
            storage.sin6_port = port.bigEndian
            storage.sin6_scope_id = ip.scope
            unsafe withUnsafeMutableBytes(of: &storage.sin6_addr) { target in
                unsafe withUnsafeBytes(of: ip.bytes) { unsafe target.copyMemory(from: $0) }
            }
            return unsafe call(&storage, body)
        case .ip(let ip, let port):
            var storage = sockaddr_in()
            storage.sin_family = sa_family_t(AF_INET)
            storage.sin_port = port.bigEndian
            unsafe withUnsafeMutableBytes(of: &storage.sin_addr) { target in
                unsafe withUnsafeBytes(of: ip.bytes) {
                    unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[0..<4]))
                }
            }
            return unsafe call(&storage, body)
        case .unix(let path):
            var storage = sockaddr_un()
            storage.sun_family = sa_family_t(AF_UNIX)
            let bytes = Array(path.utf8)
            guard bytes.count < MemoryLayout.size(ofValue: storage.sun_path) else { return nil }
            unsafe withUnsafeMutableBytes(of: &storage.sun_path) { unsafe $0.copyBytes(from: bytes) }
            return unsafe call(&storage, body)
        }
    }

    private static func call<Storage, Result>(
        _ storage: inout Storage,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        unsafe withUnsafePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<Storage>.size))
            }
        }
    }

    /// The address and port in the kernel's form; nil for a family that is neither IPv4 nor IPv6.
    static func read(_ storage: sockaddr_storage) -> (address: IPAddress, port: UInt16)? {
        var storage = storage
        return unsafe withUnsafePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe read($0) }
        }
    }

    /// The address and port in the kernel's form; nil for a family that is neither IPv4 nor IPv6.
    static func read(_ pointer: UnsafePointer<sockaddr>) -> (address: IPAddress, port: UInt16)? {
        var bytes = SIMD16<UInt8>(repeating: 0)
        switch unsafe Int32(pointer.pointee.sa_family) {
        case AF_INET:
            return unsafe pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { ipv4 in
                unsafe withUnsafeBytes(of: ipv4.pointee.sin_addr) { source in
                    for index in 0..<4 { bytes[index] = unsafe source[index] }
                }
                return unsafe (IPAddress(bytes: bytes, isIPv6: false), UInt16(bigEndian: ipv4.pointee.sin_port))
            }
        case AF_INET6:
            return unsafe pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { ipv6 in
                unsafe withUnsafeBytes(of: ipv6.pointee.sin6_addr) { source in
                    for index in 0..<16 { bytes[index] = unsafe source[index] }
                }
                let address = unsafe IPAddress(bytes: bytes, isIPv6: true, scope: ipv6.pointee.sin6_scope_id)
                return unsafe (address, UInt16(bigEndian: ipv6.pointee.sin6_port))
            }
        default: return nil
        }
    }
}
