import CLinux
import DataPlaneCore
import Glibc

/// One thread's edge-triggered epoll with its sockets: the engine's ``Network`` in production.
///
/// A socket is registered once, for everything; reading stops at a short read, and a socket that is not read to its
/// end is remembered. No idle socket owns a buffer. Descriptors are closed at the end of a batch of events, so that an
/// event of the same batch never meets a descriptor that was given out again.
struct EpollReactor: ~Copyable {
    /// How long the rest of a connection that was given up gracefully is read and thrown away.
    static let lingerMilliseconds = 2_000

    /// How long a peer may take nothing of what is still queued for it when its connection was given up gracefully.
    static let flushMilliseconds = 30_000

    let epoll: Int32
    /// The number of the proxy thread, from 0 on.
    let thread: Int
    /// Those of all threads of the data plane.
    private let mailboxes: [Mailbox]
    let spools: SpoolQueue
    var now: MonotonicTime
    /// Changes once a second; see ``updateClocks()``.
    private(set) var dateLine = ByteBuffer()
    private var dateSecond = -1
    var sockets: [Socket] = []
    private var free: [UInt32] = []
    private var closed: [UInt32] = []
    /// Sockets that must be read without a new event: resumed ones, and those that had more than their share.
    var scheduled: [ConnectionID] = []
    var wheel: DeadlineWheel
    /// Open sockets, for the choice of how long to sleep and for tests.
    private(set) var openCount = 0
    /// Sockets that the engine has given up and that still flush or linger.
    var closingCount = 0
    /// Bytes of all sockets that the kernel has not taken yet, and of their files that the disk has not.
    var unsentBytes = 0
    /// Temporary files that were made so far.
    var spoolCount: UInt64 = 0

    init(thread: Int, mailboxes: [Mailbox], spools: SpoolQueue) throws(SystemError) {
        self.thread = thread
        self.mailboxes = mailboxes
        self.spools = spools
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw SystemError("epoll_create1", errno) }
        now = EpollReactor.clock()
        wheel = DeadlineWheel(now: now)
    }

    deinit {
        for socket in sockets where socket.descriptor >= 0 { _ = Glibc.close(socket.descriptor) }
        _ = Glibc.close(epoll)
    }

    /// To be called once per batch of events.
    mutating func updateClocks() {
        now = EpollReactor.clock()
        let second = now.milliseconds / 1000
        guard second != dateSecond else { return }
        dateSecond = second
        dateLine = ByteBuffer("Date: \(HTTPDate.text(time(nil)))\r\n")
    }

    mutating func wake(thread: Int) {
        mailboxes[thread].post(.room)
    }

    static func clock() -> MonotonicTime {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicTime(milliseconds: time.tv_sec * 1000 + time.tv_nsec / 1_000_000)
    }

    /// Takes a connected or connecting non-blocking socket over.
    mutating func adopt(_ descriptor: Int32, role: Socket.Role, isConnecting: Bool) -> ConnectionID? {
        let slot: UInt32
        if let reused = free.popLast() {
            slot = reused
        } else {
            slot = UInt32(sockets.count)
            sockets.append(Socket())
        }
        let index = Int(slot)
        let generation = sockets[index].generation &+ 1
        sockets[index] = Socket()
        sockets[index].descriptor = descriptor
        sockets[index].generation = generation
        sockets[index].role = role
        sockets[index].isConnecting = isConnecting
        let id = ConnectionID(slot: slot, generation: generation)
        var event = unsafe epoll_event()
        unsafe event.events = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
        unsafe event.data.u64 = EpollReactor.encode(id)
        guard unsafe epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 else {
            sockets[index].role = .unused
            sockets[index].descriptor = -1
            free.append(slot)
            _ = Glibc.close(descriptor)
            return nil
        }
        openCount += 1
        return id
    }

    static func encode(_ id: ConnectionID) -> UInt64 {
        UInt64(id.generation) << 32 | UInt64(id.slot)
    }

    static func decode(_ value: UInt64) -> ConnectionID {
        ConnectionID(slot: UInt32(truncatingIfNeeded: value), generation: UInt32(truncatingIfNeeded: value >> 32))
    }

    /// Whether the handle still names an open socket.
    func isOpen(_ id: ConnectionID) -> Bool {
        let index = Int(id.slot)
        return index < sockets.count && sockets[index].generation == id.generation && sockets[index].role != .unused
    }

    /// Gives a socket's slot up; the descriptor itself is closed by ``closeReleased()``.
    mutating func release(_ id: ConnectionID) {
        let index = Int(id.slot)
        if sockets[index].closing != .no { closingCount -= 1 }
        sockets[index].closing = .no
        sockets[index].role = .unused
        dropUnsent(index)
        sockets[index].deadline = nil
        closed.append(id.slot)
        openCount -= 1
    }

    /// Closes the descriptors of released sockets, at the end of a batch.
    mutating func closeReleased() {
        for slot in closed {
            _ = Glibc.close(sockets[Int(slot)].descriptor)
            sockets[Int(slot)].descriptor = -1
            free.append(slot)
        }
        closed.removeAll(keepingCapacity: true)
    }

    /// Puts a socket on the list of those that are read without a new event.
    mutating func schedule(_ id: ConnectionID) {
        let index = Int(id.slot)
        guard !sockets[index].isScheduled else { return }
        sockets[index].isScheduled = true
        scheduled.append(id)
    }
}

/// A system call that failed.
public struct SystemError: Error, Sendable, CustomStringConvertible {
    public let call: StaticString
    public let code: Int32

    public init(_ call: StaticString, _ code: Int32) {
        self.call = call
        self.code = code
    }

    public var description: String { unsafe "\(call): \(String(cString: strerror(code)))" }
}
