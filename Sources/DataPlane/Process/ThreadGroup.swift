import CLinux
import Glibc
import Logging
import Synchronization

/// Threads that end together; a descriptor tells when the last one has.
final class ThreadGroup: Sendable {
    /// Readable once all threads have ended.
    let endedDescriptor: Int32
    private let running: Atomic<Int>

    init(count: Int) throws(SystemError) {
        endedDescriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard endedDescriptor >= 0 else { throw SystemError("eventfd", errno) }
        running = Atomic(count)
    }

    func start(name: String, logger: Logger, _ body: @escaping @Sendable () -> Void) {
        Thread.startOrExit(name: name, servesRequests: true, logger: logger) {
            body()
            self.ended()
        }
    }

    /// Waits until all threads have ended, for `milliseconds` at most.
    func waitForEnd(milliseconds: Int) {
        var descriptors = [pollfd(fd: endedDescriptor, events: Int16(POLLIN), revents: 0)]
        _ = unsafe poll(&descriptors, 1, Int32(milliseconds))
    }

    private func ended() {
        let (_, left) = running.subtract(1, ordering: .acquiringAndReleasing)
        if left == 0 { Mailbox.wake(endedDescriptor) }
    }
}
