import Glibc
import Synchronization

/// The threads that may still take connections from the listening socket. The last one that leaves closes it: nobody queues
/// for a data plane that takes nobody, and once all processes that share the socket have let go, clients are refused at once.
final class AcceptingThreads: Sendable {
    private let count: Atomic<Int>
    private let listener: Listener

    init(count: Int, listener: Listener) {
        self.count = Atomic(count)
        self.listener = listener
    }

    /// Called once by each thread.
    func leave() {
        let (_, left) = count.subtract(1, ordering: .acquiringAndReleasing)
        if left == 0 { listener.closeForGood() }
    }
}
