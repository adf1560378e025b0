import Testing

@testable import DataPlaneCore

struct IPAddressTests {
    private static func address(_ groups: [UInt16]) -> IPAddress {
        var bytes = SIMD16<UInt8>(repeating: 0)
        for (index, group) in groups.enumerated() {
            bytes[2 * index] = UInt8(group >> 8)
            bytes[2 * index + 1] = UInt8(group & 0xFF)
        }
        return IPAddress(bytes: bytes, isIPv6: true)
    }

    @Test(
        "An IPv6 address is written as RFC 5952 says",
        arguments: [
            ([0, 0, 0, 0, 0, 0, 0, 1], "::1"), ([0, 0, 0, 0, 0, 0, 0, 0], "::"),
            ([0x2001, 0xDB8, 0, 0, 1, 0, 0, 1], "2001:db8::1:0:0:1"),
            ([0x2001, 0xDB8, 0, 1, 1, 1, 1, 1], "2001:db8:0:1:1:1:1:1"), ([0xFE80, 0, 0, 0, 0, 0, 0, 0], "fe80::"),
            ([1, 0, 0, 2, 0, 0, 0, 3], "1:0:0:2::3"), ([0, 0, 0, 0, 0, 0xFFFF, 0x7F00, 1], "127.0.0.1"),
        ] as [([UInt16], String)]
    )
    func text(groups: [UInt16], text: String) {
        #expect(Self.address(groups).description == text)
    }

    @Test("An IPv4 address is written the same as text and into a buffer")
    func buffer() {
        let address = Samples.address(9)
        var buffer = ByteBuffer()
        buffer.append(address)
        #expect(String(decoding: buffer.storage, as: UTF8.self) == address.description)
    }
}
