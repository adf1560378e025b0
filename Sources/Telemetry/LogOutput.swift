public import Logging

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Makes a logger that writes one line an event to standard error; nothing global is set, so tests may run in parallel.
public func makeLogger(label: String, _ settings: LogSettings) -> Logger {
    var logger = Logger(label: label) { _ in LogOutput(format: settings.format, directory: settings.directory) }
    logger.logLevel = settings.level
    return logger
}

/// Writes log events to standard error, and to a file of the day where there is a folder for them.
///
/// An event's text never brings control characters or escape codes into a line, so that nothing a client sends can forge a
/// second one; only a terminal gets the codes of ``ConsoleColor``.
struct LogOutput: LogHandler {
    let format: LogFormat
    let directory: LogDirectory?
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let now = Timestamp.nowMilliseconds()
        let line = LogLine.line(
            format,
            millisecondsSinceEpoch: now,
            level: event.level,
            message: event.message.description,
            metadata: metadata.merging(event.metadata ?? [:]) { _, new in new }
        )
        LogOutput.emit(
            format == .text && ConsoleColor.isWanted ? ConsoleColor.applied(to: line, level: event.level) : line
        )
        directory?.append(line, millisecondsSinceEpoch: now)
    }

    /// Writes the whole line with one system call, so that lines of several processes do not mix.
    static func emit(_ line: String) {
        var line = line
        line.withUTF8 { bytes in
            var written = 0
            while written < bytes.count {
                let count = write(STDERR_FILENO, bytes.baseAddress?.advanced(by: written), bytes.count - written)
                if count > 0 {
                    written += count
                } else if errno != EINTR {
                    return
                }
            }
        }
    }
}
