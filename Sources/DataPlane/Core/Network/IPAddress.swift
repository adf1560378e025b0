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
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        guard let zeros = IPAddress.longestZeros(groups) else { return IPAddress.text(groups[...]) }
        return "\(IPAddress.text(groups[..<zeros.lowerBound]))::\(IPAddress.text(groups[zeros.upperBound...]))"
    }

    private static func text(_ groups: ArraySlice<UInt16>) -> String {
        groups.map { String($0, radix: 16) }.joined(separator: ":")
    }

    /// The first of the longest runs of two or more zero groups, which is written as `::` (RFC 5952 section 4.2).
    private static func longestZeros(_ groups: [UInt16]) -> Range<Int>? {
        var longest = 0..<0
        var start = 0
        for index in 0...groups.count where index == groups.count || groups[index] != 0 {
            if index - start > longest.count { longest = start..<index }
            start = index + 1
        }
        return longest.count > 1 ? longest : nil
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
