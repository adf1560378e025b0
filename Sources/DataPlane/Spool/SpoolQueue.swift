import CLinux
import DataPlaneCore
import Glibc
import Synchronization

/// Names one temporary file for its life.
struct SpoolID: Hashable, Sendable {
    /// The proxy thread whose connection the file belongs to.
    var thread: Int
    /// Differs between all files of a thread.
    var number: UInt64
}

/// What proxy threads ask of the thread that reads and writes temporary files.
///
/// It holds little: a connection is not read any more while 256 KiB of it wait here, and asks for one part at a time.
final class SpoolQueue: Sendable {
    enum Job: Sendable {
        case write(SpoolID, ConnectionID, [UInt8])
        case read(SpoolID, ConnectionID, Range<Int>)
        case discard(SpoolID)
    }

    private let jobs = Mutex<[Job]>([])
    /// Blocks its reader until there is a job.
    private let wakeDescriptor: Int32

    init() throws(SystemError) {
        wakeDescriptor = eventfd(0, Int32(EFD_CLOEXEC))
        guard wakeDescriptor >= 0 else { throw SystemError("eventfd", errno) }
    }

    deinit {
        close(wakeDescriptor)
    }

    func add(_ job: Job) {
        jobs.withLock { $0.append(job) }
        Mailbox.wake(wakeDescriptor)
    }

    /// All jobs so far, in their order; waits for the first.
    func take() -> [Job] {
        Mailbox.clear(wakeDescriptor)
        return jobs.withLock { jobs in
            let taken = jobs
            jobs = []
            return taken
        }
    }
}

/// What the spool thread answers.
enum SpoolReply: Sendable {
    case written(SpoolID, ConnectionID, bytes: Int)
    case read(SpoolID, ConnectionID, [UInt8])
    /// - Parameter bytes: how many were to be written; 0 when a part could not be read.
    case failed(SpoolID, ConnectionID, bytes: Int)
}
