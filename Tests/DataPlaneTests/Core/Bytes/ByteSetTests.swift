import Testing

@testable import DataPlaneCore

struct ByteSetTests {
    private static let alphanumerics = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

    @Test("Each set holds the characters that its rule names, and no other byte", arguments: UInt8.min...UInt8.max)
    func members(byte: UInt8) {
        #expect(ByteSet.token.contains(byte) == ("!#$%&'*+-.^_`|~" + ByteSetTests.alphanumerics).utf8.contains(byte))
        let host = "-._~%!$&'()*+;=" + ByteSetTests.alphanumerics
        #expect(ByteSet.hostName.contains(byte) == host.utf8.contains(byte))
        let future = "-._~!$&'()*+,;=:" + ByteSetTests.alphanumerics
        #expect(ByteSet.futureAddress.contains(byte) == future.utf8.contains(byte))
        let isVisible = byte > 0x20 && byte < 0x7F
        #expect(ByteSet.plainTarget.contains(byte) == (isVisible && !"#%.?\"<>\\^`{}".utf8.contains(byte)))
        #expect(ByteSet.onlyQuery.contains(byte) == "\\^`{}".utf8.contains(byte))
    }
}
