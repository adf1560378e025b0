import DataPlaneCore

/// One descriptor of the reactor with what the reactor must remember of it.
struct Socket {
    enum Role {
        case unused
        /// Accepted from a client: that it has closed its side matters even while it is not read.
        case client
        case upstream
    }

    enum Closing {
        case no
        /// Flushes what is queued, then shuts down its side.
        case flushing
        /// Its side is shut down; what arrives is thrown away.
        case lingering
    }

    var descriptor: Int32 = -1
    var generation: UInt32 = 0
    var role = Role.unused
    var closing = Closing.no
    var isConnecting = false
    var isPaused = false
    /// Bytes, or the end, may be there to read: the last read did not find the socket empty.
    var isReadable = false
    /// Stands in the list of sockets to read without a new event.
    var isScheduled = false
    /// The peer has closed its side or the connection is dead.
    var hasHungUp = false
    /// An event has reported an error.
    var hasFailed = false
    /// Writing failed; the reading side will tell why.
    var isWriteBroken = false
    /// Bytes that the kernel has not taken, from `unsentStart` on.
    var unsent: [UInt8] = []
    var unsentStart = 0
    /// The temporary file of the connection's request.
    var spool: SpoolID?
    var deadline: MonotonicTime?
    /// The earliest time under which the socket is filed in the wheel.
    var filedAt: MonotonicTime?

    var unsentCount: Int { unsent.count - unsentStart }
}
