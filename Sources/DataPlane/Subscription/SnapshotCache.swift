import CLinux
import DataPlaneCore
import Glibc
import Logging
import SignalboxProtocol
import Synchronization

/// The last good snapshot in a file: the two lines as they came, header and document, so that the digest proves it whole.
///
/// It is written by a thread of its own, newest first: a disk that hangs delays nobody. A file that cannot be used is
/// reported and ignored.
final class SnapshotCache: Sendable {
    /// Two lines of the longest length that the protocol has.
    private static let bytesMax = 2 * LineDecoder.protocolBytesMax

    private let path: String
    private let logger: Logger
    private let waiting = Mutex<[UInt8]?>(nil)
    private let wakeDescriptor: Int32
    private let hasStarted = Atomic<Bool>(false)

    init(path: String, logger: Logger) {
        self.path = path
        self.logger = logger
        wakeDescriptor = eventfd(0, Int32(EFD_CLOEXEC))
    }

    /// The snapshot of an earlier run; nil when there is none that can be used.
    func load() -> (Snapshot, SnapshotDigest)? {
        switch read() {
        case .success(let bytes):
            do throws(SnapshotRejection) {
                return try SnapshotCache.open(bytes)
            } catch {
                ignore(error.description)
                return nil
            }
        case .failure(let error):
            if error.code != ENOENT { ignore("\(error)") }
            return nil
        }
    }

    private static func open(_ bytes: [UInt8]) throws(SnapshotRejection) -> (Snapshot, SnapshotDigest) {
        guard let end = bytes.firstIndex(of: 0x0A) else {
            throw SnapshotRejection(reason: "The file has no line.")
        }
        let line = Array(bytes[..<end])
        guard case .snapshot(let header)? = try? LineCoding.decode(ControlPlaneMessage.self, from: line) else {
            throw SnapshotRejection(reason: "The first line is no header of a snapshot.")
        }
        return (try header.open(document: Array(bytes[(end + 1)...])), header.digest)
    }

    /// Keeps the lines; returns at once.
    func save(_ lines: [UInt8]) {
        waiting.withLock { $0 = lines }
        if !hasStarted.exchange(true, ordering: .relaxed) {
            Thread.startOrExit(name: "snapshot-cache", logger: logger) { self.run() }
        }
        Mailbox.wake(wakeDescriptor)
    }

    private func run() -> Never {
        while true {
            var count: UInt64 = 0
            _ = unsafe Glibc.read(wakeDescriptor, &count, 8)
            let lines = waiting.withLock { waiting in
                defer { waiting = nil }
                return waiting
            }
            guard let lines else { continue }
            do throws(SystemError) {
                try write(lines)
            } catch {
                logger.warning(
                    "The snapshot cannot be kept (--snapshot-cache); routing is not touched.",
                    metadata: ["file": "\(path)", "reason": "\(error)"]
                )
            }
        }
    }

    private func ignore(_ reason: String) {
        logger.warning(
            "The cached snapshot is ignored (--snapshot-cache).",
            metadata: ["file": "\(path)", "reason": "\(reason)"]
        )
    }

    private func read() -> Result<[UInt8], SystemError> {
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return .failure(SystemError("open", errno)) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return .failure(SystemError("fstat", errno)) }
        guard status.st_mode & S_IFMT == S_IFREG else { return .failure(SystemError("read", EINVAL)) }
        guard status.st_size <= SnapshotCache.bytesMax else { return .failure(SystemError("read", EFBIG)) }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var length = 0
        while length < bytes.count {
            let count = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(descriptor, buffer.baseAddress.map { unsafe $0 + length }, buffer.count - length)
            }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { return .failure(SystemError("read", errno)) }
            guard count > 0 else { break }
            length += count
        }
        bytes.removeLast(bytes.count - length)
        return .success(bytes)
    }

    /// Writes beside the file, flushes, and puts it in its place: a crash at any point leaves the old file or the new one.
    private func write(_ bytes: [UInt8]) throws(SystemError) {
        // Several data planes may share one cache.
        let temporary = "\(path).\(getpid())"
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW
        let descriptor = unsafe Glibc.open(temporary, flags, 0o600)
        guard descriptor >= 0 else { throw SystemError("open", errno) }
        var length = 0
        while length < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(descriptor, buffer.baseAddress.map { unsafe $0 + length }, buffer.count - length)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw discard(descriptor, temporary, "write") }
            length += count
        }
        guard fsync(descriptor) == 0 else { throw discard(descriptor, temporary, "fsync") }
        close(descriptor)
        guard unsafe rename(temporary, path) == 0 else { throw SystemError("rename", errno) }
        syncFolder()
    }

    private func discard(_ descriptor: Int32, _ temporary: String, _ call: StaticString) -> SystemError {
        let error = SystemError(call, errno)
        close(descriptor)
        _ = unsafe unlink(temporary)
        return error
    }

    /// Lets the new name survive a loss of power.
    private func syncFolder() {
        let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) } ?? "."
        let descriptor = unsafe Glibc.open(folder.isEmpty ? "/" : folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
