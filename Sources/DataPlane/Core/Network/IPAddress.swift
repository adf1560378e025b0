/// An IPv4 or IPv6 address in network byte order.
public struct IPAddress: Hashable, Sendable {
    /// IPv4: the first four bytes, the others are zero.
    public var bytes: SIMD16<UInt8>
    public var isIPv6: Bool
    /// The interface of a link-local IPv6 address, else 0.
    public var scope: UInt32

    public init(bytes: SIMD16<UInt8>, isIPv6: Bool, scope: UInt32 = 0) {
        self.bytes = bytes
        self.isIPv6 = isIPv6
        self.scope = scope
    }

    /// 127.0.0.0/8, ::1, and 127.0.0.0/8 written as IPv6.
    public var isLoopback: Bool {
        guard isIPv6 else { return bytes[0] == 127 }
        var loopback = SIMD16<UInt8>(repeating: 0)
        loopback[15] = 1
        if bytes == loopback { return true }
        return isMappedIPv4 && bytes[12] == 127
    }

    /// ::ffff:0:0/96.
    private var isMappedIPv4: Bool {
        for index in 0..<10 where bytes[index] != 0 { return false }
        return bytes[10] == 0xFF && bytes[11] == 0xFF
    }
}

extension IPAddress: CustomStringConvertible {
    public var description: String {
        if !isIPv6 { return (0..<4).map { String(bytes[$0]) }.joined(separator: ".") }
        if isMappedIPv4 { return (12..<16).map { String(bytes[$0]) }.joined(separator: ".") }
        return stride(from: 0, to: 16, by: 2).map { index in
            String(UInt16(bytes[index]) << 8 | UInt16(bytes[index + 1]), radix: 16)
        }.joined(separator: ":")
    }
}

extension ByteBuffer {
    /// Writes an address as text.
    mutating func append(_ address: IPAddress) {
        guard !address.isIPv6 else {
            append(address.description)
            return
        }
        for index in 0..<4 {
            if index > 0 { append(ASCII.dot) }
            appendDecimal(Int(address.bytes[index]))
        }
    }
}
