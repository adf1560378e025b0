import CLinux
import Glibc

/// Waits for the reasons to end: SIGTERM, SIGINT, or the end of the supervisor.
struct ShutdownSignals: ~Copyable {
    enum Event {
        case signal
        /// The lifeline's other end is closed: nobody looks after this process any more.
        case supervisorGone
        case timeout
        /// The descriptor that the caller asked for is readable.
        case other
    }

    private let descriptor: Int32
    private var lifeline: Int32?
    /// The supervisor has gone.
    private(set) var isOrphan = false

    /// Must be made before any other thread starts, so that every thread inherits the blocked signals.
    init(lifeline: Int32?) throws(SystemError) {
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, SIGTERM)
        unsafe sigaddset(&signals, SIGINT)
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
        signal(SIGPIPE, SIG_IGN)
        // A file that may not grow is a failed write, as on a full disk.
        signal(SIGXFSZ, SIG_IGN)
        descriptor = unsafe signalfd(-1, &signals, Int32(SFD_CLOEXEC))
        guard descriptor >= 0 else { throw SystemError("signalfd", errno) }
        self.lifeline = lifeline
    }

    deinit {
        close(descriptor)
    }

    /// Waits for the next event, for `milliseconds` at most, or for `other` to be readable.
    mutating func wait(milliseconds: Int?, other: Int32? = nil) -> Event {
        var descriptors = [
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: lifeline ?? -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: other ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        let result = unsafe poll(&descriptors, 3, milliseconds.map { Int32($0) } ?? -1)
        if result == 0 { return .timeout }
        if descriptors[0].revents != 0 {
            var information = signalfd_siginfo()
            _ = unsafe read(descriptor, &information, MemoryLayout<signalfd_siginfo>.size)
            return .signal
        }
        if descriptors[1].revents != 0 {
            lifeline = nil
            isOrphan = true
            return .supervisorGone
        }
        return descriptors[2].revents != 0 ? .other : wait(milliseconds: milliseconds, other: other)
    }
}
