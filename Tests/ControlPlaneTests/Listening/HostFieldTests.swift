import Testing

@testable import ControlPlane

@Suite("A Host field")
struct HostFieldTests {
    @Test(
        "is a host with or without a port, or empty",
        arguments: [
            "", "a", "a.test", "A-b_c.test:80", "127.0.0.1:30001", "[::1]", "[::ffff:1.2.3.4]:65535", "a%2Fb", "a:",
        ]
    )
    func valid(value: String) { #expect(HostField.isValid(value)) }

    @Test(
        "is nothing else",
        arguments: [
            "a b", "a, b", "u@a", "a/b", "http://a", "a:b", "a:65536", "a:000080", ":80", "[", "[]", "[::1", "[::1]x",
            "[g]",
            "a%2", "a%zz", "a#", "a?b", "ä", "a:1:2",
        ]
    )
    func invalid(value: String) { #expect(!HostField.isValid(value)) }
}
