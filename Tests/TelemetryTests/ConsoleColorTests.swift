import Logging
import Testing

@testable import Telemetry

struct ConsoleColorTests {
    @Test("The level alone is coloured, and only its first word")
    func applied() {
        let line = "2026-11-27T12:00:00.000Z ERROR An ERROR came. x=1\n"
        #expect(
            ConsoleColor.applied(to: line, level: .error)
                == "2026-11-27T12:00:00.000Z \u{1B}[31mERROR\u{1B}[0m An ERROR came. x=1\n"
        )
        #expect(ConsoleColor.applied(to: "t INFO m\n", level: .info) == "t INFO m\n")
    }

    @Test("Colours are for terminals that take them and people who want them")
    func wanted() {
        #expect(ConsoleColor.isWanted(noColor: nil, term: "xterm"))
        #expect(ConsoleColor.isWanted(noColor: "", term: "xterm"))
        #expect(!ConsoleColor.isWanted(noColor: "1", term: "xterm"))
        #expect(!ConsoleColor.isWanted(noColor: nil, term: "dumb"))
        #expect(!ConsoleColor.isWanted(noColor: nil, term: nil))
    }
}
