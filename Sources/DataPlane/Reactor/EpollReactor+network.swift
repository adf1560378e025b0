import CLinux
import DataPlaneCore
import Glibc

extension EpollReactor: Network {
    mutating func connect(to address: UpstreamAddress) -> ConnectionID? {
        let family =
            switch address {
            case .ip(let ip, _): ip.isIPv6 ? AF_INET6 : AF_INET
            case .unix: AF_UNIX
            }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0 else { return nil }
        if family != AF_UNIX {
            FileDescriptor.setNoDelay(descriptor)
            FileDescriptor.setKeepAlive(descriptor)
        }
        let result = unsafe SocketAddress.withPointer(to: address) {
            unsafe Glibc.connect(descriptor, $0, $1) == 0 ? 0 : errno
        }
        // Also a connection that is open at once, as on loopback, is reported by the next event.
        guard let id = adopt(descriptor, role: .upstream, isConnecting: true) else { return nil }
        if let result, result != 0 && result != EINPROGRESS {
            sockets[Int(id.slot)].hasHungUp = true
            sockets[Int(id.slot)].isReadable = true
            schedule(id)
        }
        return id
    }

    mutating func send(_ bytes: borrowing Span<UInt8>, to id: ConnectionID) {
        guard isOpen(id), bytes.count > 0 else { return }
        let index = Int(id.slot)
        guard !sockets[index].isWriteBroken else { return }
        var sent = 0
        if sockets[index].unsentCount == 0 && !sockets[index].isConnecting {
            sent = unsafe bytes.withUnsafeBufferPointer { unsafe write(index, $0.baseAddress, $0.count) }
            guard sent >= 0 else { return }
        }
        queue(index, bytes, from: sent)
    }

    mutating func send(_ first: borrowing Span<UInt8>, _ second: borrowing Span<UInt8>, to id: ConnectionID) {
        guard isOpen(id) else { return }
        let index = Int(id.slot)
        guard !sockets[index].isWriteBroken else { return }
        var sent = 0
        if sockets[index].unsentCount == 0 && !sockets[index].isConnecting {
            sent = unsafe first.withUnsafeBufferPointer { head in
                unsafe second.withUnsafeBufferPointer { tail in unsafe write(index, head, tail) }
            }
            guard sent >= 0 else { return }
        }
        queue(index, first, from: min(sent, first.count))
        queue(index, second, from: max(0, sent - first.count))
    }

    func queuedBytes(_ id: ConnectionID) -> Int {
        isOpen(id) ? sockets[Int(id.slot)].unsentCount : 0
    }

    func hasUnread(_ id: ConnectionID) -> Bool {
        isOpen(id) && (sockets[Int(id.slot)].isReadable || sockets[Int(id.slot)].hasHungUp)
    }

    mutating func pauseReads(_ id: ConnectionID) {
        guard isOpen(id) else { return }
        sockets[Int(id.slot)].isPaused = true
    }

    mutating func resumeReads(_ id: ConnectionID) {
        guard isOpen(id) else { return }
        let index = Int(id.slot)
        guard sockets[index].isPaused else { return }
        sockets[index].isPaused = false
        if sockets[index].isReadable || sockets[index].hasHungUp { schedule(id) }
    }

    mutating func close(_ id: ConnectionID, _ mode: CloseMode) {
        guard isOpen(id) else { return }
        let index = Int(id.slot)
        switch mode {
        case .immediate: release(id)
        case .reset:
            FileDescriptor.setResetOnClose(sockets[index].descriptor)
            release(id)
        case .graceful where sockets[index].isWriteBroken: release(id)
        case .graceful:
            if sockets[index].closing == .no { closingCount += 1 }
            sockets[index].closing = .flushing
            sockets[index].isPaused = false
            setDeadline(id, at: now.adding(milliseconds: EpollReactor.flushMilliseconds))
            if sockets[index].unsentCount == 0 { beginLinger(id) }
        }
    }

    mutating func setDeadline(_ id: ConnectionID, at time: MonotonicTime?) {
        guard isOpen(id) else { return }
        let index = Int(id.slot)
        sockets[index].deadline = time
        guard let time else { return }
        file(id, at: time)
    }

    /// Makes sure that the wheel looks at the socket at `time` or shortly after, or earlier where that is far away.
    mutating func file(_ id: ConnectionID, at time: MonotonicTime) {
        let index = Int(id.slot)
        let latest = time.adding(milliseconds: DeadlineWheel.slotMilliseconds)
        if let filedAt = sockets[index].filedAt, filedAt <= latest { return }
        sockets[index].filedAt = wheel.insert(id, at: time, now: now)
    }

    /// Everything is flushed: tells the peer that nothing follows, and reads on to let it finish.
    mutating func beginLinger(_ id: ConnectionID) {
        let index = Int(id.slot)
        sockets[index].closing = .lingering
        guard shutdown(sockets[index].descriptor, Int32(SHUT_WR)) == 0 else {
            release(id)
            return
        }
        setDeadline(id, at: now.adding(milliseconds: EpollReactor.lingerMilliseconds))
        if sockets[index].isReadable || sockets[index].hasHungUp { schedule(id) }
    }

    // MARK: - Writing

    /// Writes at once what the kernel takes: the number of bytes, 0 when it takes none, -1 when the socket is broken.
    private mutating func write(_ index: Int, _ base: UnsafePointer<UInt8>?, _ count: Int) -> Int {
        let sent = unsafe Glibc.send(sockets[index].descriptor, base, count, Int32(MSG_NOSIGNAL))
        return check(index, sent)
    }

    private mutating func write(
        _ index: Int,
        _ first: UnsafeBufferPointer<UInt8>,
        _ second: UnsafeBufferPointer<UInt8>
    ) -> Int {
        let sent = unsafe signalbox_send_two(
            sockets[index].descriptor,
            first.baseAddress,
            first.count,
            second.baseAddress,
            second.count
        )
        return check(index, sent)
    }

    private mutating func check(_ index: Int, _ sent: Int) -> Int {
        if sent >= 0 { return sent }
        if errno == EAGAIN || errno == EINTR { return 0 }
        breakWrites(index)
        return -1
    }

    private mutating func breakWrites(_ index: Int) {
        sockets[index].isWriteBroken = true
        dropUnsent(index)
        // Not every failure is followed by an event.
        schedule(ConnectionID(slot: UInt32(index), generation: sockets[index].generation))
    }

    /// Forgets what is queued.
    mutating func dropUnsent(_ index: Int) {
        unsentBytes -= sockets[index].unsentCount
        sockets[index].unsent = []
        sockets[index].unsentStart = 0
    }

    private mutating func queue(_ index: Int, _ bytes: borrowing Span<UInt8>, from start: Int) {
        guard start < bytes.count else { return }
        if sockets[index].unsentStart > 0 && sockets[index].unsentStart >= sockets[index].unsent.count / 2 {
            sockets[index].unsent.removeSubrange(0..<sockets[index].unsentStart)
            sockets[index].unsentStart = 0
        }
        unsentBytes += bytes.count - start
        unsafe bytes.extracting(start..<bytes.count).withUnsafeBufferPointer {
            unsafe sockets[index].unsent.append(contentsOf: $0)
        }
    }

    /// Writes what is queued, as far as the kernel takes it. True when the queue became empty by that.
    mutating func flush(_ index: Int) -> Bool {
        guard sockets[index].unsentCount > 0, !sockets[index].isWriteBroken else { return false }
        while sockets[index].unsentCount > 0 {
            let start = sockets[index].unsentStart
            let descriptor = sockets[index].descriptor
            let sent = unsafe sockets[index].unsent.withUnsafeBufferPointer { unsent in
                let rest = unsafe UnsafeBufferPointer(rebasing: unsent[start...])
                return unsafe Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            guard check(index, sent) >= 0 else { return false }
            guard sent > 0 else { return false }
            sockets[index].unsentStart += sent
            unsentBytes -= sent
            if sockets[index].closing == .flushing {
                sockets[index].deadline = now.adding(milliseconds: EpollReactor.flushMilliseconds)
            }
        }
        sockets[index].unsent = []
        sockets[index].unsentStart = 0
        return true
    }
}
