import CLinux
import DataPlaneCore
import Glibc

/// One thread of the data plane: its reactor, its engine, and the loop that carries events from one to the other.
@safe
struct ProxyThread: ~Copyable {
    /// Bytes read at once; shared by all connections of the thread, so that idle ones own none.
    private static let readBytes = 64 * 1024
    /// Reads of one connection before the others get their turn.
    private static let readsPerTurn = 16
    private static let eventsPerBatch: Int32 = 256
    /// New connections taken per event: few, so that they spread over threads and processes.
    private static let acceptsPerEvent = 4
    /// How long accepting rests when the process is out of descriptors.
    private static let acceptPauseMilliseconds = 100

    private var reactor: EpollReactor
    private var engine: ProxyEngine
    private let mailbox: Mailbox
    private let listener: Listener
    private let acceptingThreads: AcceptingThreads
    private var hasLeftListener = false
    /// Connections, clients' and workers' together, at which accepting rests: an eighth of the descriptors is left for
    /// the connections to workers that clients may still need.
    private let acceptedMax: Int
    /// Threads of the data plane, which share what the settings allow it.
    private let threads: Int
    private let readBuffer: UnsafeMutableBufferPointer<UInt8>
    private let events: UnsafeMutableBufferPointer<epoll_event>
    private var due: [ConnectionID] = []
    private var isAccepting = false
    private var isStopped = false
    private var acceptsAgainAt: MonotonicTime?

    private static var listenerTag: UInt64 { EpollReactor.encode(ConnectionID(slot: .max, generation: 0)) }
    private static var mailboxTag: UInt64 { EpollReactor.encode(ConnectionID(slot: .max, generation: 1)) }

    init(
        engine: consuming ProxyEngine,
        mailboxes: [Mailbox],
        listener: Listener,
        acceptingThreads: AcceptingThreads,
        spools: SpoolQueue,
        connectionsMax: Int,
        thread: Int,
        threads: Int
    ) throws(SystemError) {
        let mailbox = mailboxes[thread]
        let reactor = try EpollReactor(thread: thread, mailboxes: mailboxes, spools: spools)
        var event = unsafe epoll_event()
        unsafe event.events = EPOLLIN.rawValue
        unsafe event.data.u64 = ProxyThread.mailboxTag
        guard unsafe epoll_ctl(reactor.epoll, EPOLL_CTL_ADD, mailbox.wakeDescriptor, &event) == 0 else {
            throw SystemError("epoll_ctl", errno)
        }
        self.reactor = reactor
        self.engine = engine
        self.mailbox = mailbox
        self.listener = listener
        self.acceptingThreads = acceptingThreads
        acceptedMax = connectionsMax - connectionsMax / 8
        self.threads = threads
        unsafe readBuffer = .allocate(capacity: ProxyThread.readBytes)
        unsafe events = .allocate(capacity: Int(ProxyThread.eventsPerBatch))
    }

    deinit {
        unsafe readBuffer.deallocate()
        unsafe events.deallocate()
    }

    /// Serves until the mailbox says stop, or until a drain is done.
    mutating func run() {
        while !isStopped && !(engine.isDraining && engine.clientCount == 0 && reactor.closingCount == 0) {
            let count = unsafe epoll_wait(
                reactor.epoll,
                events.baseAddress,
                ProxyThread.eventsPerBatch,
                sleepMilliseconds()
            )
            reactor.updateClocks()
            handleEvents(max(0, Int(count)))
            handleScheduled()
            handleDeadlines()
            resumeAccepting()
            reactor.closeReleased()
            engine.batchEnded(&reactor)
        }
        mailbox.close()
    }

    /// Workers before clients: what came on an idle connection to a worker ends it before a request of the same batch
    /// could be sent on it and take those bytes for its answer.
    private mutating func handleEvents(_ count: Int) {
        for index in 0..<count where unsafe isUpstream(events[index]) { unsafe handle(events[index]) }
        for index in 0..<count where unsafe !isUpstream(events[index]) { unsafe handle(events[index]) }
    }

    /// Whether an event is about an open connection to a worker.
    private func isUpstream(_ event: epoll_event) -> Bool {
        let id = unsafe EpollReactor.decode(event.data.u64)
        return id.slot != .max && reactor.sockets[Int(id.slot)].role == .upstream
    }

    private func sleepMilliseconds() -> Int32 {
        if !reactor.scheduled.isEmpty { return 0 }
        if acceptsAgainAt != nil || reactor.wheel.count > 0 || engine.looksForSilence {
            return Int32(DeadlineWheel.slotMilliseconds)
        }
        return -1
    }

    private mutating func handle(_ event: epoll_event) {
        switch unsafe event.data.u64 {
        case ProxyThread.listenerTag: accept()
        case ProxyThread.mailboxTag: handleMail()
        default:
            let id = unsafe EpollReactor.decode(event.data.u64)
            guard reactor.isOpen(id) else { return }
            unsafe handle(id, event.events)
        }
    }

    private mutating func handle(_ id: ConnectionID, _ flags: UInt32) {
        let index = Int(id.slot)
        let hasHungUp = flags & (EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
        if reactor.sockets[index].isConnecting && !finishConnecting(id, flags) { return }
        if flags & EPOLLOUT.rawValue != 0 && reactor.flush(index) {
            if reactor.sockets[index].closing == .flushing {
                reactor.beginLinger(id)
            } else {
                engine.drained(id, &reactor)
            }
        }
        guard reactor.isOpen(id) else { return }
        if hasHungUp { reactor.sockets[index].hasHungUp = true }
        if flags & EPOLLERR.rawValue != 0 { reactor.sockets[index].hasFailed = true }
        if isDead(index, flags) {
            engine.broken(id, &reactor)
            return
        }
        if hasHungUp || flags & EPOLLIN.rawValue != 0 {
            reactor.sockets[index].isReadable = true
            read(id)
        }
    }

    /// Whether nothing can go to a client any more: both sides are closed, or it was reset. What it sent before does
    /// not matter then; of a worker the last bytes may still be its answer.
    private func isDead(_ index: Int, _ flags: UInt32) -> Bool {
        reactor.sockets[index].role == .client && reactor.sockets[index].closing == .no
            && flags & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
    }

    /// True when the connection is open now; a refused one is reported to the engine.
    private mutating func finishConnecting(_ id: ConnectionID, _ flags: UInt32) -> Bool {
        let index = Int(id.slot)
        if flags & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 {
            reactor.release(id)
            engine.broken(id, &reactor)
            return false
        }
        guard flags & EPOLLOUT.rawValue != 0 else { return false }
        reactor.sockets[index].isConnecting = false
        engine.connected(id, &reactor)
        return reactor.isOpen(id)
    }

    /// Reads until the socket is empty, paused or has had its turn.
    private mutating func read(_ id: ConnectionID) {
        let index = Int(id.slot)
        for _ in 0..<ProxyThread.readsPerTurn {
            guard reactor.isOpen(id), reactor.sockets[index].isReadable else { return }
            if reactor.sockets[index].isPaused {
                if reactor.sockets[index].role == .client && reactor.sockets[index].hasHungUp {
                    engine.hungUp(id, &reactor)
                }
                return
            }
            let count = unsafe recv(reactor.sockets[index].descriptor, readBuffer.baseAddress, ProxyThread.readBytes, 0)
            if count > 0 {
                if count < ProxyThread.readBytes && !reactor.sockets[index].hasHungUp {
                    reactor.sockets[index].isReadable = false
                }
                guard reactor.sockets[index].closing == .no else { continue }
                let bytes = unsafe UnsafeBufferPointer(start: readBuffer.baseAddress, count: count)
                unsafe engine.received(id, Span(_unsafeElements: bytes), &reactor)
            } else if count < 0 && errno == EAGAIN {
                reactor.sockets[index].isReadable = false
                return
            } else if count < 0 && errno == EINTR {
                continue
            } else {
                // A failure that a write or an event has reported already reads as a plain end.
                let socket = reactor.sockets[index]
                finishReading(id, isBroken: count < 0 || socket.isWriteBroken || socket.hasFailed)
                return
            }
        }
        if reactor.isOpen(id) { reactor.schedule(id) }
    }

    /// The peer's end, or an error, was read.
    private mutating func finishReading(_ id: ConnectionID, isBroken: Bool) {
        let index = Int(id.slot)
        reactor.sockets[index].isReadable = false
        if reactor.sockets[index].closing != .no {
            // A peer that has closed its side may still take what is queued for it.
            if isBroken || reactor.sockets[index].closing == .lingering { reactor.release(id) }
        } else if isBroken {
            engine.broken(id, &reactor)
        } else {
            engine.ended(id, &reactor)
        }
    }

    private mutating func handleScheduled() {
        guard !reactor.scheduled.isEmpty else { return }
        var batch: [ConnectionID] = []
        swap(&batch, &reactor.scheduled)
        for id in batch where reactor.isOpen(id) {
            let index = Int(id.slot)
            reactor.sockets[index].isScheduled = false
            if reactor.sockets[index].isConnecting {
                reactor.release(id)
                engine.broken(id, &reactor)
            } else if reactor.sockets[index].isWriteBroken {
                endBroken(id)
            } else {
                reactor.sockets[index].isReadable = true
                read(id)
            }
        }
    }

    /// Writing has failed: a client has gone; a worker may have left the last of its answer.
    private mutating func endBroken(_ id: ConnectionID) {
        let index = Int(id.slot)
        if reactor.sockets[index].closing != .no {
            reactor.release(id)
            return
        }
        if reactor.sockets[index].role == .upstream {
            reactor.sockets[index].isReadable = true
            read(id)
            guard reactor.isOpen(id), !reactor.sockets[index].isReadable else { return }
        }
        engine.broken(id, &reactor)
    }

    private mutating func handleDeadlines() {
        due.removeAll(keepingCapacity: true)
        reactor.wheel.take(until: reactor.now, into: &due)
        for id in due where reactor.isOpen(id) {
            let index = Int(id.slot)
            if let filedAt = reactor.sockets[index].filedAt, filedAt > reactor.now { continue }
            reactor.sockets[index].filedAt = nil
            guard let deadline = reactor.sockets[index].deadline else { continue }
            if deadline > reactor.now {
                reactor.file(id, at: deadline)
            } else if reactor.sockets[index].closing != .no {
                reactor.release(id)
            } else {
                reactor.sockets[index].deadline = nil
                engine.deadlinePassed(id, &reactor)
            }
        }
    }

    private mutating func handleMail() {
        for message in mailbox.take() {
            switch message {
            case .table(let update):
                engine.apply(update.table, &reactor)
                update.swapped()
                if !isAccepting && !engine.isDraining { startAccepting() }
            case .accept:
                if !isAccepting && !engine.isDraining { startAccepting() }
            case .leave: engine.leave()
            case .drain:
                stopAccepting()
                leaveListener()
                engine.drain(&reactor)
            case .cut: engine.cut(&reactor)
            case .stop: isStopped = true
            case .spool(let reply): handle(reply)
            case .room: engine.roomMade(&reactor)
            }
        }
    }

    private mutating func handle(_ reply: SpoolReply) {
        switch reply {
        case .written(let file, let id, let bytes):
            reactor.unsentBytes -= bytes
            if reactor.isCurrent(file, of: id) { engine.spoolWritten(id, bytes: bytes, &reactor) }
        case .read(let file, let id, let bytes):
            if reactor.isCurrent(file, of: id) { engine.spoolRead(id, bytes.span, &reactor) }
        case .failed(let file, let id, let bytes):
            reactor.unsentBytes -= bytes
            if reactor.isCurrent(file, of: id) { engine.spoolFailed(id, &reactor) }
        }
    }

    // MARK: - Accepting

    private mutating func startAccepting() {
        acceptsAgainAt = nil
        guard !isAccepting else { return }
        var event = unsafe epoll_event()
        unsafe event.events = EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue
        unsafe event.data.u64 = ProxyThread.listenerTag
        isAccepting = unsafe epoll_ctl(reactor.epoll, EPOLL_CTL_ADD, listener.descriptor, &event) == 0
    }

    /// This thread will never accept again.
    private mutating func leaveListener() {
        guard !hasLeftListener else { return }
        hasLeftListener = true
        acceptingThreads.leave()
    }

    private mutating func stopAccepting() {
        guard isAccepting else { return }
        var event = unsafe epoll_event()
        _ = unsafe epoll_ctl(reactor.epoll, EPOLL_CTL_DEL, listener.descriptor, &event)
        isAccepting = false
        acceptsAgainAt = nil
    }

    /// Whether descriptors and settings allow another client.
    private var mayAccept: Bool {
        guard reactor.openCount < acceptedMax else { return false }
        guard let clientsMax = engine.clientsMax else { return true }
        // The first threads have one more where it does not divide.
        return engine.clientCount < (clientsMax + threads - 1 - reactor.thread) / threads
    }

    /// Rests for a while, out of descriptors or with enough clients; the kernel's queue holds the others.
    private mutating func pauseAccepting() {
        stopAccepting()
        acceptsAgainAt = reactor.now.adding(milliseconds: ProxyThread.acceptPauseMilliseconds)
    }

    private mutating func resumeAccepting() {
        // A thread that is full must not stand among the waiting ones: it would be woken for a connection that another
        // thread has room for.
        if isAccepting && !mayAccept { pauseAccepting() }
        guard let time = acceptsAgainAt, time <= reactor.now, !engine.isDraining else { return }
        if mayAccept { startAccepting() }
        if !isAccepting { pauseAccepting() }
    }

    /// Goes to the end of the kernel's queue of waiting threads, so that the next connection wakes another one: an
    /// exclusive waiter that is idle would otherwise be woken again and again, and one data plane serve them all.
    private mutating func yieldListener() {
        guard isAccepting else { return }
        stopAccepting()
        startAccepting()
        if !isAccepting { acceptsAgainAt = reactor.now.adding(milliseconds: ProxyThread.acceptPauseMilliseconds) }
    }

    private mutating func accept() {
        // A drain of the same batch of events may have come before.
        guard isAccepting else { return }
        defer { yieldListener() }
        for _ in 0..<ProxyThread.acceptsPerEvent {
            guard mayAccept else {
                pauseAccepting()
                return
            }
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
            let descriptor = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe signalbox_accept(listener.descriptor, $0, &length, flags)
                }
            }
            guard descriptor >= 0 else {
                if errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM {
                    pauseAccepting()
                }
                return
            }
            FileDescriptor.setNoDelay(descriptor)
            FileDescriptor.setKeepAlive(descriptor)
            guard let (address, _) = SocketAddress.read(storage) else {
                close(descriptor)
                continue
            }
            guard let id = reactor.adopt(descriptor, role: .client, isConnecting: false) else { continue }
            engine.accepted(id, peer: ClientPeer(address: address), &reactor)
        }
    }
}
