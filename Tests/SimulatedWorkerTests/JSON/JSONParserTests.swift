import NIOCore
import Testing

@testable import SimulatedWorker

@Suite("JSON")
struct JSONParserTests {
    @Test("Every kind of value is read")
    func values() throws {
        let document = try JSONParser.parse(#" {"a": [1, -2.5, 1e3, true, false, null], "b": {"c": "x"}, "d": {}} "#)
        #expect(
            document["a"] == .array([.integer(1), .number(-2.5), .number(1000), .bool(true), .bool(false), .null])
        )
        #expect(document["b"]?["c"]?.stringValue == "x")
        #expect(document["d"] == .object([]))
        #expect(document["missing"] == nil)
    }

    @Test("Escapes are decoded, half a surrogate pair becomes the replacement character")
    func escapes() throws {
        #expect(try JSONParser.parse(#""a\"\\\/\n\t\u00e4\ud83d\ude00b""#).stringValue == "a\"\\/\n\tä😀b")
        #expect(try JSONParser.parse(#""\ud83dx""#).stringValue == "\u{FFFD}x")
    }

    @Test(
        "What is not JSON is refused",
        arguments: [
            "", "{", "[1,", "[1 2]", "{\"a\" 1}", "{a:1}", "\"abc", "\"\\x\"", "\"\\u12\"", "tru", "nul", "1 2", "-",
            "--1",
            "[1]]", "\"\n\"",
        ]
    )
    func invalid(text: String) {
        #expect(throws: JSONParser.Failure.self) { try JSONParser.parse(text) }
    }

    @Test("Deep nesting is refused instead of exhausting the stack")
    func depth() throws {
        let fits = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
        _ = try JSONParser.parse(fits)
        #expect(throws: JSONParser.Failure.self) { try JSONParser.parse(String(repeating: "[", count: 100_000)) }
    }

    @Test("What is written is read back as it was")
    func roundTrip() throws {
        let text = "quote \" slash \\ line \n tab \t bell \u{07} ä 😀"
        let value = JSONValue.object([
            JSONValue.Member(
                name: text,
                value: .array([.string(text), .integer(-120_345_678_901), .null, .bool(true)])
            )
        ])
        var buffer = ByteBuffer()
        buffer.writeJSON(value)
        #expect(try JSONParser.parse(String(buffer: buffer)) == value)
    }

    @Test("Numbers are written with all their digits", arguments: [0, 7, 10, 99_999_999, 100_000_000, Int.max, -5])
    func decimals(number: Int) {
        var buffer = ByteBuffer()
        buffer.writeDecimal(number)
        #expect(String(buffer: buffer) == "\(number)")
    }
}
