import CLinux
import DataPlaneCore
import Glibc
import Logging

/// Writes bodies to temporary files and reads them back, so that no proxy thread ever waits for a disk.
///
/// A file has no name from its first moment on: it is gone when it is closed, however the process ends.
final class SpoolThread {
    private let directory: String
    private let queue: SpoolQueue
    private let mailboxes: [Mailbox]
    private let logger: Logger
    private var files: [SpoolID: File] = [:]
    private var hasSaidFailure = false

    private struct File {
        var descriptor: Int32
        var size = 0
    }

    init(directory: String, queue: SpoolQueue, mailboxes: [Mailbox], logger: Logger) {
        self.directory = directory
        self.queue = queue
        self.mailboxes = mailboxes
        self.logger = logger
    }

    /// Runs for as long as the process lives; to be called on a thread of its own.
    func run() -> Never {
        while true {
            // Each job's bytes are freed as soon as it is done.
            var jobs = Array(queue.take().reversed())
            while let job = jobs.popLast() { perform(job) }
        }
    }

    private func perform(_ job: SpoolQueue.Job) {
        switch job {
        case .write(let id, let connection, let bytes):
            reply(
                write(bytes, to: id)
                    ? .written(id, connection, bytes: bytes.count) : .failed(id, connection, bytes: bytes.count),
                id
            )
        case .read(let id, let connection, let range):
            let bytes = read(range, of: id)
            reply(bytes.map { .read(id, connection, $0) } ?? .failed(id, connection, bytes: 0), id)
        case .discard(let id):
            if let file = files.removeValue(forKey: id) { close(file.descriptor) }
        }
    }

    private func reply(_ reply: SpoolReply, _ id: SpoolID) {
        mailboxes[id.thread].post(.spool(reply))
    }

    private func write(_ bytes: [UInt8], to id: SpoolID) -> Bool {
        guard var file = files[id] ?? open() else { return false }
        defer { files[id] = file }
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { pointer in
                unsafe pwrite(
                    file.descriptor,
                    pointer.baseAddress.map { unsafe $0 + written },
                    bytes.count - written,
                    off_t(file.size)
                )
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                say("A temporary file cannot be written.")
                return false
            }
            written += count
            file.size += count
        }
        return true
    }

    private func read(_ range: Range<Int>, of id: SpoolID) -> [UInt8]? {
        guard let file = files[id], range.upperBound <= file.size else { return nil }
        var isWhole = true
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: range.count) { buffer, initialized in
            while initialized < range.count {
                let offset = off_t(range.lowerBound + initialized)
                let start = unsafe buffer.baseAddress.map { unsafe $0 + initialized }
                let count = unsafe pread(file.descriptor, start, range.count - initialized, offset)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else {
                    isWhole = false
                    return
                }
                initialized += count
            }
        }
        if !isWhole { say("A temporary file cannot be read.") }
        return isWhole ? bytes : nil
    }

    private func open() -> File? {
        let descriptor = unsafe signalbox_temporary_file(directory)
        guard descriptor >= 0 else {
            say("No temporary file can be made (--spool-directory).")
            return nil
        }
        hasSaidFailure = false
        return File(descriptor: descriptor)
    }

    /// Says it once, until a file can be made again.
    private func say(_ message: Logger.Message) {
        let reason = unsafe String(cString: strerror(errno))
        guard !hasSaidFailure else { return }
        hasSaidFailure = true
        logger.error(message, metadata: ["directory": "\(directory)", "reason": "\(reason)"])
    }
}
