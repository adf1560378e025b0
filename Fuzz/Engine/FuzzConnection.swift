/// One connection of the fuzzed network, and everything that ever went over it.
struct FuzzConnection {
    /// Whose request a worker's connection carries: a client and which one of its requests, counted from 1.
    struct Assignment: Equatable {
        var client: ConnectionID
        var number: Int
    }

    /// An answer that a worker began to send, recognisable by a field that nothing else writes.
    struct Answer {
        var mark: String
        /// Where it begins in ``delivered``; the rest of another head may stand before it.
        var start: Int
        /// Whose answer it is, from what the connection carried when the first byte was delivered.
        var assignment: Assignment?
    }

    let id: ConnectionID
    /// Nil: a client.
    let address: UpstreamAddress?
    var isConnected: Bool

    /// What the peer has sent and the engine has not got.
    var incoming: [UInt8] = []
    /// What the engine has got.
    var delivered: [UInt8] = []
    /// The peer sends nothing more; told when everything before has been delivered.
    var hasEnded = false
    var isEndDelivered = false
    var isHangUpDelivered = false

    /// What the engine has sent, taken by the kernel or not.
    var sent: [UInt8] = []
    var queuedBytes = 0
    /// The peer takes nothing.
    var isBlocked = false

    var isPaused = false
    var deadline: MonotonicTime?
    var closed: CloseMode?

    /// Requests that the connection carried, in their order; for workers.
    var assignments: [Assignment] = []
    /// How many bytes had been delivered when each of them began: where its answer begins.
    var assignmentStarts: [Int] = []
    var answers: [Answer] = []
    /// Requests that the engine was seen to begin; for clients.
    var requestsBegun = 0

    var isUpstream: Bool { address != nil }
    var isOpen: Bool { closed == nil }

    init(id: ConnectionID, address: UpstreamAddress?) {
        self.id = id
        self.address = address
        isConnected = address == nil
    }
}
