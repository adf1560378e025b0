/// The engine's view of its sockets: an epoll reactor in production, a simulation in tests.
///
/// The rules are those of the design (data plane, section 7): received bytes are borrowed, copy to keep; `send`
/// consumes and returns no count; after ``pauseReads(_:)`` a late delivery may still come; handles carry a generation,
/// so a late event of a closed connection is recognised; the engine never sees a descriptor.
public protocol Network: ~Copyable {
    /// The time of the current batch of events.
    var now: MonotonicTime { get }

    /// The `Date` field of the present second with its line's end (RFC 9110 section 6.6.1); empty where there is no clock.
    var dateLine: ByteBuffer { get }

    /// Begins to open a connection; `connected` or `broken` follows. Nil when there is no descriptor left.
    mutating func connect(to address: UpstreamAddress) -> ConnectionID?

    /// Sends `bytes` behind what is queued already. Also allowed before the connection is open.
    mutating func send(_ bytes: borrowing Span<UInt8>, to connection: ConnectionID)

    /// Sends two pieces as one.
    mutating func send(_ first: borrowing Span<UInt8>, _ second: borrowing Span<UInt8>, to connection: ConnectionID)

    /// Bytes that were sent and that the kernel has not taken yet. `drained` follows when it falls to 0.
    func queuedBytes(_ connection: ConnectionID) -> Int

    /// Whether something, bytes or the end, may lie before the reader of a connection.
    func hasUnread(_ connection: ConnectionID) -> Bool

    mutating func pauseReads(_ connection: ConnectionID)
    mutating func resumeReads(_ connection: ConnectionID)

    /// Gives the connection up; no event of it follows.
    mutating func close(_ connection: ConnectionID, _ mode: CloseMode)

    /// Sets or clears the one deadline of a connection; `deadlinePassed` follows.
    mutating func setDeadline(_ connection: ConnectionID, at time: MonotonicTime?)

    /// Bytes of all connections that were sent or spooled and that the kernel or the disk has not taken yet.
    var unsentBytes: Int { get }

    /// Makes another thread of the data plane look after its waiting requests: there may be room at a worker.
    mutating func wake(thread: Int)

    // MARK: - Temporary files

    /// Appends bytes to the connection's temporary file, which the first call makes. `spoolWritten` follows, or
    /// `spoolFailed`.
    mutating func spool(_ bytes: borrowing Span<UInt8>, of connection: ConnectionID)

    /// Asks for a part of the file that was written; `spoolRead` follows, or `spoolFailed`.
    mutating func readSpool(_ range: Range<Int>, of connection: ConnectionID)

    /// Gives the file up; no event of it follows.
    mutating func discardSpool(of connection: ConnectionID)
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

extension UpstreamAddress: CustomStringConvertible {
    public var description: String {
        switch self {
        case .ip(let address, let port):
            let text = address.description
            return text.contains(":") ? "[\(text)]:\(port)" : "\(text):\(port)"
        case .unix(let path): return path
        }
    }
}
