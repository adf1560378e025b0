import DataPlaneCore

/// The sockets of one proxy thread: what the engine sends waits for its peer, what peers send waits for the engine, in pieces
/// of any size and in any order between connections.
struct SimulatedNetwork: Network {
    enum Peer: Hashable {
        case client(Int)
        /// A worker by the last byte of its address.
        case worker(Int)

        /// The number of the worker; nil for a client.
        var worker: Int? {
            if case .worker(let number) = self { number } else { nil }
        }
    }

    struct Connection {
        var peer: Peer
        var isConnected: Bool
        var toEngine: [UInt8] = []
        var toPeer: [UInt8] = []
        /// The peer has closed behind `toEngine`.
        var peerEnded = false
        /// The peer has reset the connection.
        var isBroken = false
        var isPaused = false
        var closed: CloseMode?
        var deadline: MonotonicTime?
        /// The end was reported to the engine.
        var isEndReported = false
    }

    var now: MonotonicTime
    var connections: [ConnectionID: Connection] = [:]
    var order: [ConnectionID] = []
    var wakes: Set<Int> = []
    /// Requests that the engine sent to workers since the last look, and whether each went on a new connection.
    var attempts: [(id: ConnectionID, isFresh: Bool)] = []
    /// The planted bug ``Plant/mixedTables``.
    var misroutes = false
    private var nextSlot: UInt32 = 0
    private var freeSlots: [UInt32] = []
    private var generation: UInt32 = 0

    init(now: MonotonicTime) {
        self.now = now
    }

    var dateLine: ByteBuffer { ByteBuffer() }
    var unsentBytes: Int { 0 }

    mutating func open(_ peer: Peer, isConnected: Bool) -> ConnectionID {
        let slot = freeSlots.popLast() ?? nextSlot
        if slot == nextSlot { nextSlot += 1 }
        generation += 1
        let id = ConnectionID(slot: slot, generation: generation)
        connections[id] = Connection(peer: peer, isConnected: isConnected)
        order.append(id)
        return id
    }

    /// Forgets a connection that both sides have given up.
    mutating func remove(_ id: ConnectionID) {
        guard connections.removeValue(forKey: id) != nil else { return }
        order.removeAll { $0 == id }
        freeSlots.append(id.slot)
    }

    mutating func connect(to address: UpstreamAddress) -> ConnectionID? {
        guard case .ip(let ip, _) = address else { return nil }
        let number = Int(ip.bytes[3])
        return open(.worker(misroutes ? number % World.workersMax + 1 : number), isConnected: false)
    }

    mutating func send(_ bytes: borrowing Span<UInt8>, to id: ConnectionID) {
        // Requests are so short that each is sent at once.
        if let connection = connections[id], connection.peer.worker != nil, attempts.last?.id != id {
            attempts.append((id, !connection.isConnected))
        }
        for index in bytes.indices { connections[id]?.toPeer.append(bytes[index]) }
    }

    mutating func send(_ first: borrowing Span<UInt8>, _ second: borrowing Span<UInt8>, to id: ConnectionID) {
        send(first, to: id)
        send(second, to: id)
    }

    func queuedBytes(_ id: ConnectionID) -> Int { 0 }
    func hasUnread(_ id: ConnectionID) -> Bool { connections[id].map { !$0.toEngine.isEmpty || $0.peerEnded } ?? false }
    mutating func pauseReads(_ id: ConnectionID) { connections[id]?.isPaused = true }
    mutating func resumeReads(_ id: ConnectionID) { connections[id]?.isPaused = false }

    mutating func close(_ id: ConnectionID, _ mode: CloseMode) {
        precondition(connections[id]?.closed == nil, "a connection was closed twice")
        connections[id]?.closed = mode
        connections[id]?.deadline = nil
    }

    mutating func setDeadline(_ id: ConnectionID, at time: MonotonicTime?) { connections[id]?.deadline = time }
    mutating func wake(thread: Int) { wakes.insert(thread) }
    mutating func spool(_ bytes: borrowing Span<UInt8>, of id: ConnectionID) {
        preconditionFailure("no body is so large")
    }
    mutating func readSpool(_ range: Range<Int>, of id: ConnectionID) { preconditionFailure("no body is so large") }
    mutating func discardSpool(of id: ConnectionID) {}
}
