#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What concerns the whole process.
public enum WorkerProcess {
    /// Ends the process at once with status 1, as an engine that runs out of memory does: no clean-up, no farewell.
    static func crash() -> Never {
        _exit(1)
    }

    /// Raises the number of files and sockets that the process may open to the limit that the system allows.
    public static func raiseOpenFilesLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
