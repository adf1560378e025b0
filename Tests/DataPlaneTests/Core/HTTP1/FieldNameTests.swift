import Testing

@testable import DataPlaneCore

struct FieldNameTests {
    private static let names: [(String, FieldName)] = [
        ("connection", .connection), ("content-encoding", .contentEncoding), ("content-length", .contentLength),
        ("content-type", .contentType), ("expect", .expect), ("host", .host), ("http2-settings", .http2Settings),
        ("keep-alive", .keepAlive), ("proxy-authenticate", .proxyAuthenticate),
        ("proxy-authorization", .proxyAuthorization), ("proxy-connection", .proxyConnection),
        ("x-signalbox-source-address", .sourceAddress), ("te", .te), ("trailer", .trailer),
        ("transfer-encoding", .transferEncoding), ("upgrade", .upgrade), ("via", .via),
        ("x-forwarded-for", .xForwardedFor), ("x-forwarded-proto", .xForwardedProto),
    ]

    private func name(_ bytes: [UInt8]) -> FieldName { FieldName(bytes.span, 0..<bytes.count) }

    @Test("A name is recognised in any case", arguments: names)
    func recognised(text: String, expected: FieldName) {
        #expect(name(Array(text.utf8)) == expected)
        #expect(name(Array(text.uppercased().utf8)) == expected)
    }

    @Test("A name with one byte changed, missing or added is another one", arguments: names)
    func others(text: String, expected: FieldName) {
        let bytes = Array(text.utf8)
        for place in bytes.indices {
            for byte in UInt8.min...UInt8.max where ASCII.lowercased(byte) != bytes[place] {
                var changed = bytes
                changed[place] = byte
                #expect(name(changed) != expected)
            }
        }
        #expect(name(Array(bytes.dropLast())) != expected)
        #expect(name(bytes + [0x73]) != expected)
    }

    @Test("What a proxy says of itself and its clients goes on; what concerns one connection does not")
    func hopByHop() {
        let endToEnd: [FieldName] = [
            .other, .contentEncoding, .contentType, .expect, .host, .via, .xForwardedFor, .xForwardedProto,
        ]
        for (_, name) in FieldNameTests.names { #expect(name.isHopByHop != endToEnd.contains(name)) }
    }
}
