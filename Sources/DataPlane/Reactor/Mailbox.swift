import CLinux
import DataPlaneCore
import Glibc
import Synchronization

/// How other threads talk to a proxy thread: a short queue and an event descriptor that wakes it.
final class Mailbox: Sendable {
    enum Message: Sendable {
        case table(TableUpdate)
        /// Take connections, also without a table: a health check wants an answer.
        case accept
        /// Say that this data plane is not ready, and serve on.
        case leave
        case drain
        /// End what is still served.
        case cut
        case stop
        case spool(SpoolReply)
        /// There may be room at a worker for a request that waits.
        case room
    }

    let wakeDescriptor: Int32
    /// Nil once the thread has ended.
    private let messages = Mutex<[Message]?>([])

    init() throws(SystemError) {
        wakeDescriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard wakeDescriptor >= 0 else { throw SystemError("eventfd", errno) }
    }

    deinit {
        Glibc.close(wakeDescriptor)
    }

    func post(_ message: Message) {
        let isOpen = messages.withLock { messages in
            messages?.append(message)
            return messages != nil
        }
        guard isOpen else {
            settle(message)
            return
        }
        Mailbox.wake(wakeDescriptor)
    }

    func take() -> [Message] {
        Mailbox.clear(wakeDescriptor)
        return messages.withLock { messages in
            guard let taken = messages else { return [] }
            messages = []
            return taken
        }
    }

    /// The thread has ended and serves no table any more: none waits for it.
    func close() {
        let left = messages.withLock { messages in
            defer { messages = nil }
            return messages ?? []
        }
        for message in left { settle(message) }
    }

    private func settle(_ message: Message) {
        if case .table(let update) = message { update.swapped() }
    }

    /// Makes an event descriptor readable.
    static func wake(_ descriptor: Int32) {
        var one: UInt64 = 1
        _ = unsafe write(descriptor, &one, 8)
    }

    /// Makes an event descriptor unreadable until the next wake.
    static func clear(_ descriptor: Int32) {
        var value: UInt64 = 0
        _ = unsafe read(descriptor, &value, 8)
    }
}

/// A table on its way to all proxy threads; the last one to swap reports that it is applied.
final class TableUpdate: Sendable {
    let table: RoutingTable
    private let remaining: Atomic<Int>
    private let appliedDescriptor: Int32

    init(_ table: RoutingTable, threads: Int, appliedDescriptor: Int32) {
        self.table = table
        remaining = Atomic(threads)
        self.appliedDescriptor = appliedDescriptor
    }

    var isApplied: Bool { remaining.load(ordering: .acquiring) == 0 }

    /// Called by each thread once, after its swap.
    func swapped() {
        let (_, left) = remaining.subtract(1, ordering: .acquiringAndReleasing)
        if left == 0 { Mailbox.wake(appliedDescriptor) }
    }
}
