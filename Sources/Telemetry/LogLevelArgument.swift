public import Logging

/// A log level as a person writes it after `--log-level`.
public struct LogLevelArgument: Hashable, Sendable, CustomStringConvertible {
    /// The accepted words; `warn` and `warning` mean the same.
    public static let choices = ["debug", "info", "warn", "warning", "error", "critical"]

    public let level: Logger.Level

    public init(_ level: Logger.Level) {
        self.level = level
    }

    /// Reads one of ``choices``; nil when `text` is none of them.
    public init?(_ text: String) {
        switch text {
        case "debug": level = .debug
        case "info": level = .info
        case "warn", "warning": level = .warning
        case "error": level = .error
        case "critical": level = .critical
        default: return nil
        }
    }

    public var description: String { level.rawValue }
}
