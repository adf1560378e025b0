/// One connection to a worker or to the control plane.
struct UpstreamConnection {
    /// What the deadline of the connection waits for.
    enum Awaited {
        /// Nothing that has a limit.
        case nothing
        /// The connection to open.
        case connection
        /// The worker to take more of an upload, of which so many bytes were queued when it was last seen to take none.
        case upload(queuedBytes: Int)
        /// The first byte of content.
        case firstByte
        /// The next byte of content.
        case nextByte
        /// The client to take more of the answer.
        case client
        /// Nothing while it is in the pool, for as long as it may stay there.
        case reuse
    }

    var id: ConnectionID
    /// The client whose request it carries; nil while it waits in the pool.
    var client: ConnectionID?
    /// The worker it leads to; nil for the control plane.
    var lease: WorkerSlots.Lease?
    var isConnected = false
    /// It has carried an exchange before.
    var isReused = false
    var awaits = Awaited.nothing
    /// When it was given the present request.
    var sentAt = MonotonicTime(milliseconds: 0)

    /// A part of a response head.
    var input = ByteBuffer()
    var headEnd = HeadEnd()
    var framer: BodyFramer?
    var mayReuse = false
    /// Content of the answer has come.
    var hasContent = false
    var interimHeads = 0

    init(id: ConnectionID, client: ConnectionID?, lease: WorkerSlots.Lease?) {
        self.id = id
        self.client = client
        self.lease = lease
    }

    /// Forgets the response that was read.
    mutating func reset() {
        headEnd = HeadEnd()
        framer = nil
        mayReuse = false
        hasContent = false
        interimHeads = 0
    }
}
