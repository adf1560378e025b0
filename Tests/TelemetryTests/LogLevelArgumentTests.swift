import Logging
import Testing

@testable import Telemetry

@Suite("A log level argument")
struct LogLevelArgumentTests {
    @Test("reads every word that it offers", arguments: LogLevelArgument.choices)
    func choices(word: String) {
        #expect(LogLevelArgument(word) != nil)
    }

    @Test("refuses other words", arguments: ["", "INFO", "trace", "verbose"])
    func others(word: String) {
        #expect(LogLevelArgument(word) == nil)
    }

    @Test("means the same by warn and warning")
    func synonyms() {
        #expect(LogLevelArgument("warn") == LogLevelArgument("warning"))
    }
}
