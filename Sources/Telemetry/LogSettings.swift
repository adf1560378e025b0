public import Logging

/// What a program logs, how, and where besides standard error.
public struct LogSettings: Sendable {
    public var level: Logger.Level
    public var format: LogFormat
    public var directory: LogDirectory?

    public init(level: Logger.Level, format: LogFormat = .text, directory: LogDirectory? = nil) {
        self.level = level
        self.format = format
        self.directory = directory
    }
}
