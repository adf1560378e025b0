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
        Thread.startOrExit(name: name, logger: logger) {
            body()
            self.ended()
        }
    }

    private func ended() {
        let (_, left) = running.subtract(1, ordering: .acquiringAndReleasing)
        if left == 0 { Mailbox.wake(endedDescriptor) }
    }
}
