/// The engine's view of its sockets: an epoll reactor in production, a simulation in tests.
///
/// The rules are those of the design (data plane, section 7): received bytes are borrowed, copy to keep; `send`
/// consumes and returns no count; after ``pauseReads(_:)`` a late delivery may still come; handles carry a generation,
/// so a late event of a closed connection is recognised; the engine never sees a descriptor.
public protocol Network: ~Copyable {
    /// The time of the current batch of events.
    var now: MonotonicTime { get }

    /// Begins to open a connection; `connected` or `broken` follows. Nil when there is no descriptor left.
    mutating func connect(to address: UpstreamAddress) -> ConnectionID?

    /// Sends `bytes` behind what is queued already. Also allowed before the connection is open.
    mutating func send(_ bytes: borrowing Span<UInt8>, to connection: ConnectionID)

    /// Sends two pieces as one.
    mutating func send(_ first: borrowing Span<UInt8>, _ second: borrowing Span<UInt8>, to connection: ConnectionID)

    /// Bytes that were sent and that the kernel has not taken yet. `drained` follows when it falls to 0.
    func queuedBytes(_ connection: ConnectionID) -> Int

    mutating func pauseReads(_ connection: ConnectionID)
    mutating func resumeReads(_ connection: ConnectionID)

    /// Gives the connection up; no event of it follows.
    mutating func close(_ connection: ConnectionID, _ mode: CloseMode)

    /// Sets or clears the one deadline of a connection; `deadlinePassed` follows.
    mutating func setDeadline(_ connection: ConnectionID, at time: MonotonicTime?)
}

/// Names a connection for its life; a slot that is used again has another generation.
public struct ConnectionID: Hashable, Sendable {
    public var slot: UInt32
    public var generation: UInt32

    public init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }

    var index: Int { Int(slot) }
}

/// How a connection is given up.
public enum CloseMode: Sendable {
    /// What is queued is sent, then the end of the stream; what still arrives is thrown away for a bounded time, so
    /// that the last answer is not destroyed by a reset.
    case graceful
    /// At once; what is queued is thrown away.
    case immediate
    /// At once, with a reset, so that the peer cannot take the end for a complete message.
    case reset
}

/// Where an upstream connection goes.
public enum UpstreamAddress: Hashable, Sendable {
    case ip(IPAddress, port: UInt16)
    /// The path of a Unix stream socket.
    case unix(String)
}

/// An IPv4 or IPv6 address in network byte order.
public struct IPAddress: Hashable, Sendable {
    /// IPv4: the first four bytes, the others are zero.
    public var bytes: SIMD16<UInt8>
    public var isIPv6: Bool
    /// The interface of a link-local IPv6 address, else 0.
    public var scope: UInt32

    public init(bytes: SIMD16<UInt8>, isIPv6: Bool, scope: UInt32 = 0) {
        self.bytes = bytes
        self.isIPv6 = isIPv6
        self.scope = scope
    }

    /// 127.0.0.0/8, ::1, and 127.0.0.0/8 written as IPv6.
    public var isLoopback: Bool {
        guard isIPv6 else { return bytes[0] == 127 }
        var loopback = SIMD16<UInt8>(repeating: 0)
        loopback[15] = 1
        if bytes == loopback { return true }
        return isMappedIPv4 && bytes[12] == 127
    }

    /// ::ffff:0:0/96.
    private var isMappedIPv4: Bool {
        for index in 0..<10 where bytes[index] != 0 { return false }
        return bytes[10] == 0xFF && bytes[11] == 0xFF
    }
}

extension IPAddress: CustomStringConvertible {
    public var description: String {
        if !isIPv6 { return (0..<4).map { String(bytes[$0]) }.joined(separator: ".") }
        if isMappedIPv4 { return (12..<16).map { String(bytes[$0]) }.joined(separator: ".") }
        return stride(from: 0, to: 16, by: 2).map { index in
            String(UInt16(bytes[index]) << 8 | UInt16(bytes[index + 1]), radix: 16)
        }.joined(separator: ":")
    }
}
