import SignalboxProtocol
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What the data planes of the host have counted, those that have ended included: the sum of their files
/// (``MetricsLayout``).
final class MetricsDirectory: Sendable {
    /// Files of ended data planes that are kept by themselves; more are merged into one.
    static let endedMax = 8
    /// How long a file of an ended data plane that cannot be read is left, in seconds: another version may begin again.
    static let unreadableSeconds = 3_600
    private static let suffix = ".metrics"
    private static let merged = "merged\(suffix)"

    private let path: String
    private let buckets: DurationBuckets
    /// Held while files are read or merged: two scrapes at one time must not see a merge half done.
    private let turn = Mutex(())

    /// - Parameter buckets: files with other ones are not read.
    init(path: String, _ buckets: DurationBuckets = .standard) {
        self.path = path
        self.buckets = buckets
    }

    /// The sum of what all data planes have counted; many ended ones are merged first.
    ///
    /// - Parameter present: the workers whose counts are wanted; those of others are forgotten.
    func read(_ present: Set<IncarnationID>) -> FleetCounts {
        turn.withLock { _ in
            mergeEnded(present)
            return totals()
        }
    }

    /// The sum of all files, cell by cell. Files that cannot be read, or have another layout, count nothing.
    private func totals() -> FleetCounts {
        let merged = MergedFile(path: "\(path)/\(MetricsDirectory.merged)", buckets)
        var totals = merged?.counts ?? FleetCounts()
        for name in names() where merged?.sources.contains(name) != true {
            guard let file = FleetCounts(file: "\(path)/\(name)", buckets) else { continue }
            totals.add(file)
        }
        return totals
    }

    /// Merges the files of ended data planes when there are many. What is merged names its sources, so that a crash between
    /// its writing and their removal counts nothing twice.
    private func mergeEnded(_ present: Set<IncarnationID>) {
        let target = "\(path)/\(MetricsDirectory.merged)"
        let before = MergedFile(path: target, buckets)
        // What a crash has left behind.
        for name in before?.sources ?? [] { unlink("\(path)/\(name)") }
        var ended: [String] = []
        // Held until their files are gone, so that none of them is a data plane's that has just begun.
        var locks: [Int32] = []
        defer { for lock in locks { close(lock) } }
        var counts = before?.counts ?? FleetCounts()
        for name in names() where before?.sources.contains(name) != true {
            guard let lock = lockOfEnded("\(path)/\(name)") else { continue }
            locks.append(lock)
            guard let file = FleetCounts(file: "\(path)/\(name)", buckets) else {
                removeIfOld("\(path)/\(name)", lock)
                continue
            }
            ended.append(name)
            counts.add(file)
        }
        guard ended.count > MetricsDirectory.endedMax else { return }
        counts.workers = counts.workers.filter { present.contains($0.key) }
        guard MergedFile(counts: counts, sources: Set(ended)).write(to: target, buckets) else { return }
        for name in ended { unlink("\(path)/\(name)") }
    }

    /// One that is just being made has no content yet, and one of another layout may be read again after a step back: both
    /// are left alone for a while.
    private func removeIfOld(_ file: String, _ descriptor: Int32) {
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { return }
        if time(nil) - information.st_mtim.tv_sec > MetricsDirectory.unreadableSeconds { unlink(file) }
    }

    private func names() -> [String] {
        FolderListing.names(path).filter { name in
            name.hasSuffix(MetricsDirectory.suffix) && name != MetricsDirectory.merged
        }
    }

    /// A living data plane holds a lock on its file; of one that has ended it is taken.
    private func lockOfEnded(_ file: String) -> Int32? {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }
}

/// The sum of files that are, or are about to be, removed.
private struct MergedFile {
    var counts: FleetCounts
    var sources: Set<String>

    init(counts: FleetCounts, sources: Set<String>) {
        self.counts = counts
        self.sources = sources
    }

    /// Lines: the layout's digest, the cells, the workers' cells, the sources; nil when there is none of this layout.
    init?(path: String, _ buckets: DurationBuckets) {
        guard let bytes = FileBytes.read(path, bytesMax: 64 << 20) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 5, lines[4].isEmpty, lines[0] == "\(MetricsLayout.digest(buckets))" else { return nil }
        counts = FleetCounts()
        counts.cells = lines[1].split(separator: " ").compactMap { UInt64($0) }
        for entry in lines[2].split(separator: " ") {
            let parts = entry.split(separator: ":")
            guard parts.count == 2, let incarnation = IncarnationID(String(parts[0])) else { return nil }
            let cells = parts[1].split(separator: ",").compactMap { UInt64($0) }
            guard cells.count == MetricsLayout.WorkerCell.count else { return nil }
            counts.workers[incarnation] = cells
        }
        sources = Set(lines[3].split(separator: " ").map(String.init))
        guard counts.cells.count == MetricsLayout.cellCount else { return nil }
    }

    func write(to path: String, _ buckets: DurationBuckets) -> Bool {
        let numbers = counts.cells.map { "\($0)" }.joined(separator: " ")
        let workers = counts.workers.map { "\($0.key):\($0.value.map { "\($0)" }.joined(separator: ","))" }
        var text = "\(MetricsLayout.digest(buckets))\n\(numbers)\n\(workers.sorted().joined(separator: " "))\n"
        text += "\(sources.sorted().joined(separator: " "))\n"
        return FileBytes.replace(path, with: Array(text.utf8))
    }
}

/// Small files, whole.
enum FileBytes {
    /// Nil when the file is missing, unreadable, or longer than `bytesMax`.
    static func read(_ path: String, bytesMax: Int) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var information = stat()
        guard fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFREG,
            Int(information.st_size) <= bytesMax
        else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(information.st_size))
        var length = 0
        while length < bytes.count {
            let count = bytes.withUnsafeMutableBytes { buffer in
                pread(descriptor, buffer.baseAddress.map { $0 + length }, buffer.count - length, off_t(length))
            }
            guard count > 0 else { return nil }
            length += count
        }
        return bytes
    }

    /// Puts a new content in place of the old one, whole or not at all.
    static func replace(_ path: String, with bytes: [UInt8]) -> Bool {
        let temporary = "\(path).\(getpid())"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return false }
        let isWritten = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == bytes.count
        close(descriptor)
        guard isWritten, rename(temporary, path) == 0 else {
            unlink(temporary)
            return false
        }
        return true
    }
}

/// The names in a folder.
enum FolderListing {
    /// Empty when the folder cannot be read.
    static func names(_ path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
            )
        }
        return names.filter { $0 != "." && $0 != ".." }.sorted()
    }
}
