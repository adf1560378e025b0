import Testing

@testable import DataPlaneCore

struct RequestScannerTests {
    private func scan(_ text: String) throws -> (model: String?, stream: Bool) {
        let bytes = Array(text.utf8)
        let result = try RequestScan.scan(bytes.span)
        return (result.model.map { String(decoding: bytes[$0], as: UTF8.self) }, result.stream)
    }

    @Test(
        "Model and stream are found at the top level only",
        arguments: [
            (#"{"model":"m","stream":true}"#, "m", true),
            (#" { "stream" : true , "x":[1,{"model":"inner"}], "model" : "m/é" } "#, "m/é", true),
            (#"{"a":{"model":"inner","stream":true}}"#, nil, false),
            (#"{"model":7,"stream":"true"}"#, nil, false),
            (#"{"model":"m","stream":false}"#, "m", false),
            (#"[{"model":"m"}]"#, nil, false), ("7", nil, false), ("{}", nil, false),
            (#"{"messages":[],"model":"m"}"#, "m", false),
        ] as [(String, String?, Bool)]
    )
    func findings(text: String, model: String?, stream: Bool) throws {
        let result = try scan(text)
        #expect(result.model == model)
        #expect(result.stream == stream)
    }

    @Test(
        "What RFC 8259 does not allow is refused",
        arguments: [
            "", " ", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[1,]", "[1 2]", "{a:1}", "01", "-", "1.", "1e", "+1",
            ".5", "tru", "nul", "\"\t\"", "\"\\x\"", "\"\\u12g4\"", "\"abc", "{} {}", "[}", "{]", "NaN", "'a'",
            "{\"a\" 1}", "[1", "\u{FEFF}{}",
        ]
    )
    func invalid(text: String) {
        #expect(throws: HTTPFault.self) { try scan(text) }
    }

    @Test("Lone surrogate escapes and long strings are grammatical and pass")
    func oddities() throws {
        #expect(try scan(#"{"a":"\ud800","model":"m"}"#).model == "m")
        let long = "{\"prompt\":\"" + String(repeating: "x\\n\u{20AC}", count: 200_000) + "\",\"model\":\"m\"}"
        #expect(try scan(long).model == "m")
        for number in ["0", "-0", "1.5e+10", "1E-7", "123456789012345678901234567890"] {
            _ = try scan("[\(number)]")
        }
    }

    @Test("A second model key and nesting beyond 128 levels are refused")
    func limits() throws {
        #expect(throws: HTTPFault(400, "The body has two 'model' keys.")) {
            try scan(#"{"model":"a","x":1,"model":"b"}"#)
        }
        let deep = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
        _ = try scan(deep)
        #expect(throws: HTTPFault(400, "The body's JSON is nested too deeply.")) { try scan("[" + deep + "]") }
        #expect(throws: HTTPFault.self) { try scan(String(repeating: "{\"a\":", count: 100_000)) }
    }

    @Test(
        "Bytes that are not UTF-8 are refused",
        arguments: [
            [0x80], [0xC0, 0xAF], [0xE0, 0x80, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80],
            [0xC3],
            [0xE2, 0x82], [0xFF],
        ] as [[UInt8]]
    )
    func badUTF8(bytes: [UInt8]) {
        let text = Array("{\"a\":\"".utf8) + bytes + Array("\"}".utf8)
        #expect(throws: HTTPFault(400, "The body is not valid UTF-8.")) { try RequestScan.scan(text.span) }
    }

    @Test(
        "A string means the same with escapes and without",
        arguments: [
            (#"meta\/a"#, "meta/a"), (#"\u006dodel"#, "model"), (#"a\"b\\c"#, "a\"b\\c"), (#"\ud83d\ude00"#, "😀"),
            (#"\ud800x"#, "\u{FFFD}x"), (#"\ud800\u0041"#, "\u{FFFD}A"), ("é", "é"),
            (#"\b\f\n\r\t"#, "\u{8}\u{C}\n\r\t"),
        ]
    )
    func escapes(text: String, meaning: String) {
        let bytes = Array(text.utf8)
        #expect(String(decoding: JSONString.decode(bytes.span, 0..<bytes.count), as: UTF8.self) == meaning)
    }

    @Test("Keys are compared by what they mean, so that no second model hides behind an escape")
    func escapedKeys() throws {
        #expect(try scan(#"{"\u006dodel":"m","str\u0065am":true}"#) == ("m", true))
        #expect(throws: HTTPFault.self) { try scan(#"{"model":"a","mod\u0065l":"b"}"#) }
    }

    @Test("The beginning of a body gives what it holds")
    func prefix() {
        let bytes = Array(#"{"model":"m","stream":true,"prompt":"abc"#.utf8)
        let result = RequestScan.scan(prefix: bytes.span)
        #expect(result.stream)
        #expect(result.model == 10..<11)
    }
}
