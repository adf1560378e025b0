import Logging

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Colours for the level of a line, where a person reads it.
enum ConsoleColor {
    /// Standard error is a terminal that takes colours, and nobody asked for none (https://no-color.org).
    static let isWanted = isatty(STDERR_FILENO) == 1 && isWanted(noColor: variable("NO_COLOR"), term: variable("TERM"))

    static func isWanted(noColor: String?, term: String?) -> Bool {
        noColor?.isEmpty ?? true && term != nil && term != "dumb"
    }

    /// The line with its level coloured; levels that need nobody's eye stay as they are.
    static func applied(to line: String, level: Logger.Level) -> String {
        let word = level.rawValue.uppercased()
        guard let code = code(level), let range = line.firstRange(of: " \(word) ") else { return line }
        return line.replacingCharacters(in: range, with: " \u{1B}[\(code)m\(word)\u{1B}[0m ")
    }

    private static func code(_ level: Logger.Level) -> String? {
        switch level {
        case .trace, .debug: "2"
        case .info: nil
        case .notice: "36"
        case .warning: "33"
        case .error: "31"
        case .critical: "1;31"
        }
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}

extension String {
    fileprivate func replacingCharacters(in range: Range<Index>, with text: String) -> String {
        self[..<range.lowerBound] + text + self[range.upperBound...]
    }
}
