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
    static let endedMax = 32
    private static let suffix = ".metrics"
    private static let merged = "merged\(suffix)"
    private static let fileBytesMax = 64 << 20

    private let path: String
    /// Held while files are read or merged: two scrapes at one time must not see a merge half done.
    private let turn = Mutex(())

    init(path: String) {
        self.path = path
    }

    /// The sum of what all data planes have counted; many ended ones are merged first.
    func read() -> [UInt64] {
        turn.withLock { _ in
            mergeEnded()
            return totals()
        }
    }

    /// The sum of all files, cell by cell. Files that cannot be read, or have another layout, count nothing.
    private func totals() -> [UInt64] {
        var totals = [UInt64](repeating: 0, count: MetricsLayout.cellCount)
        let merged = MergedFile(path: "\(path)/\(MetricsDirectory.merged)")
        if let merged { totals = merged.cells }
        for name in names() where merged?.sources.contains(name) != true {
            guard let file = read("\(path)/\(name)") else { continue }
            for cell in totals.indices { totals[cell] &+= file[cell] }
        }
        return totals
    }

    /// Merges the files of ended data planes when there are many. What is merged names its sources, so that a crash between
    /// its writing and their removal counts nothing twice.
    private func mergeEnded() {
        let target = "\(path)/\(MetricsDirectory.merged)"
        let before = MergedFile(path: target)
        // What a crash has left behind.
        for name in before?.sources ?? [] { unlink("\(path)/\(name)") }
        var ended: [String] = []
        var cells = before?.cells ?? [UInt64](repeating: 0, count: MetricsLayout.cellCount)
        for name in names() where before?.sources.contains(name) != true && hasEnded("\(path)/\(name)") {
            // One that is just being made, or has another layout, is left alone.
            guard let file = read("\(path)/\(name)") else { continue }
            ended.append(name)
            for cell in cells.indices { cells[cell] &+= file[cell] }
        }
        guard ended.count > MetricsDirectory.endedMax else { return }
        guard MergedFile(cells: cells, sources: Set(ended)).write(to: target) else { return }
        for name in ended { unlink("\(path)/\(name)") }
    }

    private func names() -> [String] {
        FolderListing.names(path).filter { name in
            name.hasSuffix(MetricsDirectory.suffix) && name != MetricsDirectory.merged
        }
    }

    /// The sum of a file's threads.
    private func read(_ file: String) -> [UInt64]? {
        guard let bytes = FileBytes.read(file, bytesMax: MetricsDirectory.fileBytesMax),
            bytes.count >= MetricsLayout.headerBytes, word(bytes, 0) == MetricsLayout.magic,
            word(bytes, MetricsLayout.digestOffset) == MetricsLayout.digest
        else { return nil }
        let threads = word(bytes, MetricsLayout.threadsOffset)
        guard threads <= 1024, bytes.count >= MetricsLayout.fileBytes(threads: Int(threads)) else { return nil }
        var cells = [UInt64](repeating: 0, count: MetricsLayout.cellCount)
        for thread in 0..<Int(threads) {
            let start = MetricsLayout.headerBytes + thread * MetricsLayout.blockBytes
            for cell in cells.indices { cells[cell] &+= word(bytes, start + cell * 8) }
        }
        return cells
    }

    private func word(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
        bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
    }

    /// A living data plane holds a lock on its file.
    private func hasEnded(_ file: String) -> Bool {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_EX | LOCK_NB) == 0
    }
}

/// The sum of files that are, or are about to be, removed.
private struct MergedFile {
    var cells: [UInt64]
    var sources: Set<String>

    init(cells: [UInt64], sources: Set<String>) {
        self.cells = cells
        self.sources = sources
    }

    /// Lines: the layout's digest, the cells, the sources; nil when there is none of this layout.
    init?(path: String) {
        guard let bytes = FileBytes.read(path, bytesMax: 1 << 20) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 4, lines[3].isEmpty, lines[0] == "\(MetricsLayout.digest)" else { return nil }
        cells = lines[1].split(separator: " ").compactMap { UInt64($0) }
        sources = Set(lines[2].split(separator: " ").map(String.init))
        guard cells.count == MetricsLayout.cellCount else { return nil }
    }

    func write(to path: String) -> Bool {
        let numbers = cells.map { "\($0)" }.joined(separator: " ")
        let text = "\(MetricsLayout.digest)\n\(numbers)\n\(sources.sorted().joined(separator: " "))\n"
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
