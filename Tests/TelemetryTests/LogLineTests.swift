import Foundation
import Logging
import Testing

@testable import Telemetry

@Suite("A log line")
struct LogLineTests {
    private func line(_ message: String, _ metadata: Logger.Metadata = [:]) -> String {
        LogLine.text(millisecondsSinceEpoch: 0, level: .info, message: message, metadata: metadata)
    }

    @Test("shows time, level, message and sorted metadata")
    func form() {
        #expect(line("Begun.", ["b": "2", "a": "1"]) == "1970-01-01T00:00:00.000Z INFO Begun. a=1 b=2\n")
    }

    @Test("is one object of JSON that says the same, whatever is in it")
    func json() throws {
        let hostile = "a\"b\\c\n\u{1b}[0m\u{2028}é"
        let text = LogLine.json(
            millisecondsSinceEpoch: 0,
            level: .warning,
            message: hostile,
            metadata: ["k\n": "\(hostile)", "level": "2"]
        )
        #expect(text.utf8.count { $0 < 0x20 } == 1 && text.hasSuffix("\n"))
        let read = try JSONDecoder().decode([String: String].self, from: Data(text.utf8))
        #expect(
            read == [
                "time": "1970-01-01T00:00:00.000Z", "level": "warning", "message": hostile, "k\n": hostile,
                "level_": "2",
            ]
        )
    }

    @Test("puts values that are no plain word in quotation marks")
    func quotes() {
        #expect(line("m", ["a": "two words", "b": ""]).hasSuffix(" a=\"two words\" b=\"\"\n"))
        #expect(line("m", ["a": "say \"no\""]).hasSuffix(" a=\"say \\\"no\\\"\"\n"))
        // A backslash must not take the quotation mark behind it out of the value.
        #expect(line("m", ["a": "a\\\" level=error"]).hasSuffix(#" a="a\\\" level=error""# + "\n"))
        #expect(line("m", ["a": "C:\\x"]).hasSuffix(#" a="C:\\x""# + "\n"))
    }

    @Test(
        "never holds control characters of its values",
        arguments: ["\n", "\r", "\u{1b}", "\u{7f}", "\u{2028}", "\u{85}"]
    )
    func controlCharacters(character: String) {
        let text = line("m\(character)", ["k\(character)": "v\(character)"])
        #expect(!text.dropLast().contains(character))
        #expect(text.hasSuffix("\n"))
    }

    @Test("cuts long values")
    func longValues() {
        #expect(line("m", ["a": .string(String(repeating: "x", count: 100_000))]).count < 3000)
    }
}
