public import Logging
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Makes a logger that writes one line an event to standard error; nothing global is set, so tests may run in parallel.
public func makeLogger(label: String, _ settings: LogSettings) -> Logger {
    let repeats = SharedRepeatLimit()
    var logger = Logger(label: label) { _ in
        LogOutput(format: settings.format, directory: settings.directory, repeats: repeats)
    }
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
    let repeats: SharedRepeatLimit
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let now = Timestamp.nowMilliseconds()
        let message = event.message.description
        if event.level >= .warning {
            let (isWritten, told) = repeats.take(message, at: now)
            for held in told {
                let metadata: Logger.Metadata = ["event": "\(held.message)", "times": "\(held.count)"]
                put(.warning, "An event was not logged each time.", metadata, at: now)
            }
            guard isWritten else { return }
        }
        put(event.level, message, metadata.merging(event.metadata ?? [:]) { _, new in new }, at: now)
    }

    private func put(_ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata, at now: Int64) {
        let line = LogLine.line(
            format,
            millisecondsSinceEpoch: now,
            level: level,
            message: message,
            metadata: metadata
        )
        let shown =
            format == .text && ConsoleColor.isWanted ? ConsoleColor.applied(to: line, level: level) : line
        Array(shown.utf8).withUnsafeBytes { LogOutput.emit($0) }
        directory?.append(line, millisecondsSinceEpoch: now)
    }

    /// Writes whole lines with one system call, so that lines of several processes do not mix.
    static func emit(_ bytes: UnsafeRawBufferPointer) {
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

/// One ``RepeatLimit`` for all copies of a logger.
final class SharedRepeatLimit: Sendable {
    private let limit = Mutex(RepeatLimit())

    func take(_ message: String, at now: Int64) -> (isWritten: Bool, told: [RepeatLimit.Held]) {
        limit.withLock { $0.take(message, at: now) }
    }
}
