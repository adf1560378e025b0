/// One connection to a worker or to the control plane.
struct UpstreamConnection {
    var id: ConnectionID
    /// The client whose request it carries; nil while it waits in the pool.
    var client: ConnectionID?
    /// The worker it leads to; nil for the control plane.
    var lease: WorkerSlots.Lease?
    var isConnected = false
    /// It has carried an exchange before.
    var isReused = false

    /// A part of a response head.
    var input = ByteBuffer()
    var headEnd = HeadEnd()
    var framer: BodyFramer?
    var mayReuse = false
    var interimHeads = 0
    /// Bytes of an upload that were queued when the worker was last seen to take none; nil while it takes them.
    var stalledBytes: Int?

    init(id: ConnectionID, client: ConnectionID?, lease: WorkerSlots.Lease?) {
        self.id = id
        self.client = client
        self.lease = lease
    }

    /// Forgets the response that was read.
    mutating func reset() {
        input = ByteBuffer()
        headEnd = HeadEnd()
        framer = nil
        mayReuse = false
        interimHeads = 0
        stalledBytes = nil
    }
}
