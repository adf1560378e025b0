import DataPlaneCore
import Glibc
import SignalboxProtocol

/// The file in which a data plane counts (``MetricsLayout``): mapped memory, so that a kill -9 loses nothing.
///
/// It is locked for as long as the process lives, which tells the control plane whether it may still grow.
@safe
struct MetricsFile {
    private let base: UnsafeMutableRawPointer
    let path: String
    private let threads: Int
    private let buckets: DurationBuckets

    /// Creates the file, and the folder when it is missing.
    init(
        directory: String,
        name: String,
        run: PeerID,
        threads: Int,
        _ buckets: DurationBuckets
    ) throws(SystemError) {
        if unsafe mkdir(directory, 0o700) != 0 && errno != EEXIST { throw SystemError("mkdir", errno) }
        path = "\(directory)/\(run).metrics"
        self.threads = threads
        self.buckets = buckets
        let bytes = MetricsLayout.fileBytes(threads: threads)
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw SystemError("open", errno) }
        // The descriptor stays open, and with it the lock, until the process ends.
        do throws(SystemError) {
            unsafe base = try MetricsFile.map(descriptor, bytes)
        } catch {
            // Nobody may take it for a file that counts, and a process that starts again and again must not leave one each time.
            close(descriptor)
            _ = unsafe unlink(path)
            throw error
        }
        unsafe base.storeBytes(
            of: MetricsLayout.digest(buckets),
            toByteOffset: MetricsLayout.digestOffset,
            as: UInt64.self
        )
        unsafe base.storeBytes(of: UInt64(threads), toByteOffset: MetricsLayout.threadsOffset, as: UInt64.self)
        unsafe base.storeBytes(of: UInt64(getpid()), toByteOffset: MetricsLayout.processOffset, as: UInt64.self)
        for (index, byte) in name.utf8.prefix(MetricsLayout.nameBytesMax).enumerated() {
            unsafe base.storeBytes(of: byte, toByteOffset: MetricsLayout.nameOffset + index, as: UInt8.self)
        }
        // Last: a file without it is not whole yet.
        unsafe base.storeBytes(of: MetricsLayout.magic, toByteOffset: 0, as: UInt64.self)
    }

    /// Locks the file, gives it its size and maps it.
    private static func map(_ descriptor: Int32, _ bytes: Int) throws(SystemError) -> UnsafeMutableRawPointer {
        // The control plane may be looking whether it has ended; that takes a moment.
        guard flock(descriptor, LOCK_EX) == 0 else { throw SystemError("flock", errno) }
        // Blocks are taken now: a full disk must not kill the process at its first count.
        let shortage = posix_fallocate(descriptor, 0, bytes)
        guard shortage == 0 else { throw SystemError("posix_fallocate", shortage) }
        guard let base = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
            unsafe base != MAP_FAILED
        else { throw SystemError("mmap", errno) }
        return unsafe base
    }

    /// The cells of a thread; the memory is never given back.
    func cells(thread: Int) -> MetricCells {
        unsafe MetricCells(
            unsafeMemory: base + MetricsLayout.headerBytes + thread * MetricsLayout.blockBytes,
            unsafeWorkers: base + MetricsLayout.workerBlockOffset(thread: thread, threads: threads),
            buckets
        )
    }

    /// The table of workers; the memory is never given back.
    func workerRows(_ cells: [MetricCells]) -> WorkerRows {
        unsafe WorkerRows(unsafeMemory: base + MetricsLayout.workerTableOffset(threads: threads), cells: cells)
    }
}
