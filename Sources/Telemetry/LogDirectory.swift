import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Log files by day, in UTC: `sgl-router.YYYY-MM-DD`, as the original names them. Several processes may write into one; a line
/// is written by one call, so that lines do not mix.
public final class LogDirectory: Sendable {
    private static let prefix = "sgl-router."
    private static let dayMilliseconds: Int64 = 86_400_000

    private struct State {
        var day: Int64 = .min
        var descriptor: Int32 = -1
        /// Since a line was last written.
        var linesLost = 0
    }

    private let path: String
    private let daysMax: Int
    private let losses: LogLosses
    private let state = Mutex(State())

    /// Makes the folder when it is missing, and those above it.
    ///
    /// - Parameter daysMax: files of earlier days than these are removed; 0: none is.
    /// - Returns: nil when the folder cannot be made or written to; `errno` says why.
    public convenience init?(path: String, daysMax: Int) {
        self.init(path: path, daysMax: daysMax, losses: .shared)
    }

    init?(path: String, daysMax: Int, losses: LogLosses) {
        guard LogDirectory.make(path), access(path, W_OK | X_OK) == 0 else { return nil }
        self.path = path
        self.daysMax = daysMax
        self.losses = losses
    }

    private static func make(_ path: String) -> Bool {
        if mkdir(path, 0o755) == 0 || errno == EEXIST { return true }
        guard errno == ENOENT, let slash = path.dropLast().utf8.lastIndex(of: UInt8(ascii: "/")),
            slash > path.startIndex
        else { return false }
        return make(String(path[..<slash])) && (mkdir(path, 0o755) == 0 || errno == EEXIST)
    }

    /// Appends lines, each with its line feed, to the file of the day. What cannot be written is lost, and counted: logging
    /// harms nobody.
    ///
    /// - Parameter notice: makes the line that tells how many lines were lost before.
    func append(
        _ lines: UnsafeRawBufferPointer,
        millisecondsSinceEpoch now: Int64,
        notice: (_ linesLost: Int) -> String
    ) {
        let day = now / LogDirectory.dayMilliseconds
        // Under the lock also while it writes: another thread may close this day's file at midnight.
        state.withLock { state in
            if state.day != day || state.descriptor < 0 { begin(day, &state) }
            if state.linesLost > 0 {
                // A line may have broken off, also one of another process.
                let text = Array(("\n" + notice(state.linesLost)).utf8)
                guard text.withUnsafeBytes({ put($0, state) }) else { return lose(lines, &state) }
                state.linesLost = 0
            }
            if !put(lines, state) { lose(lines, &state) }
        }
    }

    private func begin(_ day: Int64, _ state: inout State) {
        if state.descriptor >= 0 { close(state.descriptor) }
        let file = "\(path)/\(LogDirectory.name(ofDay: day))"
        state.descriptor = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o644)
        state.day = day
        removeOld(before: day)
    }

    /// Whether all was written.
    private func put(_ bytes: UnsafeRawBufferPointer, _ state: State) -> Bool {
        guard state.descriptor >= 0 else { return false }
        var written = 0
        while written < bytes.count {
            let count = write(state.descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
            if count > 0 {
                written += count
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }

    /// Some of them may have been written before the disk was full; they are counted all the same.
    private func lose(_ lines: UnsafeRawBufferPointer, _ state: inout State) {
        let lost = lines.count { $0 == UInt8(ascii: "\n") }
        state.linesLost += lost
        losses.add(lost)
    }

    static func name(ofDay day: Int64) -> String {
        prefix + Timestamp.text(millisecondsSinceEpoch: day * dayMilliseconds).prefix(10)
    }

    private func removeOld(before day: Int64) {
        guard daysMax > 0, let folder = opendir(path) else { return }
        defer { closedir(folder) }
        let oldest = LogDirectory.name(ofDay: day - Int64(daysMax) + 1)
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            // Only names of this form, which sort by their date.
            guard name.hasPrefix(LogDirectory.prefix), name.utf8.count == oldest.utf8.count, name < oldest else {
                continue
            }
            unlink("\(path)/\(name)")
        }
    }
}
