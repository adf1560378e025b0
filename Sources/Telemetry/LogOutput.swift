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
    let output = LogOutput(format: settings.format, directory: settings.directory, repeats: repeats)
    HeldEvents.shared.add(output)
    var logger = Logger(label: label) { _ in output }
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
        let metadata = metadata.merging(event.metadata ?? [:]) { _, new in new }
        var isWritten = true
        var told: [RepeatLimit.Held]
        if event.level >= .warning {
            (isWritten, told) = repeats.take(message + LogOutput.identity(metadata), at: now)
        } else {
            told = repeats.told(at: now)
        }
        tell(told, at: now)
        if isWritten { put(event.level, message, metadata, at: now) }
    }

    /// Says how often events came that were not written.
    func tell(_ told: [RepeatLimit.Held], at now: Int64) {
        for held in told {
            let metadata: Logger.Metadata = ["event": "\(held.message)", "times": "\(held.count)"]
            put(.warning, "An event was not logged each time.", metadata, at: now)
        }
    }

    /// Whom an event is about: the same fault of another one is another event.
    private static func identity(_ metadata: Logger.Metadata) -> String {
        ["data_plane", "pod", "worker.url"].compactMap { key in metadata[key].map { " \(key)=\($0)" } }.joined()
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
        Array(shown.utf8).withUnsafeBytes { bytes in
            LineStream.standardError.write(bytes) { LogOutput.lossNotice($0, .standardError, format) }
        }
        guard let directory else { return }
        Array(line.utf8).withUnsafeBytes { bytes in
            directory.append(bytes, millisecondsSinceEpoch: now) { LogOutput.lossNotice($0, .directory, format) }
        }
    }

    /// Where lines go that may be lost, and why they are.
    enum Place: String {
        case standardError = "Lines of the log were lost: standard error was not read."
        case directory = "Lines of the log were lost: the file could not be written (--log-dir)."
    }

    /// The line that tells of lines that a place did not take.
    static func lossNotice(_ lines: Int, _ place: Place, _ format: LogFormat) -> String {
        LogLine.line(
            format,
            millisecondsSinceEpoch: Timestamp.nowMilliseconds(),
            level: .warning,
            message: place.rawValue,
            metadata: ["lines": "\(lines)"]
        )
    }
}
