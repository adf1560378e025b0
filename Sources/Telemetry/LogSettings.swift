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

    /// Writes finished lines, each with its line feed, to where events go; they must hold no control characters.
    public func write(lines: [UInt8], millisecondsSinceEpoch now: Int64) {
        lines.withUnsafeBytes { bytes in
            LineStream.standardError.write(bytes) { LogOutput.lossNotice($0, .standardError, format) }
            directory?.append(bytes, millisecondsSinceEpoch: now) { LogOutput.lossNotice($0, .directory, format) }
        }
    }
}
