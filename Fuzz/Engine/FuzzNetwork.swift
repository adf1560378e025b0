/// A network in memory whose kernel takes and delivers what the fuzzer wants.
///
/// What a reactor would forgive but an engine should not do is a finding.
struct FuzzNetwork: Network {
    /// A temporary file, and what the disk has still to say about it.
    struct Spool {
        var bytes: [UInt8] = []
        var unconfirmed: [Int] = []
        var wanted: Range<Int>?
    }

    var now = MonotonicTime(milliseconds: 1_000)
    /// In the order in which they were opened; none is ever removed.
    private(set) var connections: [FuzzConnection] = []
    private var places: [ConnectionID: Int] = [:]
    private var freeSlots: [ConnectionID] = []
    var refusesToConnect = false
    /// By the place of their connection.
    var spools: [Int: Spool] = [:]

    /// The connection of a handle.
    subscript(id: ConnectionID) -> FuzzConnection {
        _read { yield connections[place(id)] }
        _modify { yield &connections[place(id)] }
    }

    func place(_ id: ConnectionID) -> Int {
        guard let place = places[id] else { finding("there was never a connection \(id)") }
        return place
    }

    func exists(_ id: ConnectionID) -> Bool { places[id] != nil }

    /// Opens a connection in a slot that is free, under a new generation.
    mutating func open(address: UpstreamAddress?) -> ConnectionID {
        var id = ConnectionID(slot: UInt32(connections.count), generation: 1)
        if var reused = freeSlots.popLast() {
            reused.generation += 1
            id = reused
        }
        places[id] = connections.count
        connections.append(FuzzConnection(id: id, address: address))
        return id
    }

    mutating func connect(to address: UpstreamAddress) -> ConnectionID? {
        refusesToConnect ? nil : open(address: address)
    }

    mutating func send(_ bytes: borrowing Span<UInt8>, to id: ConnectionID) {
        let place = place(id)
        require(connections[place].isOpen, "sent to a closed connection")
        for index in bytes.indices { connections[place].sent.append(bytes[index]) }
        if connections[place].isBlocked || !connections[place].isConnected || connections[place].queuedBytes > 0 {
            connections[place].queuedBytes += bytes.count
        }
    }

    mutating func send(_ first: borrowing Span<UInt8>, _ second: borrowing Span<UInt8>, to id: ConnectionID) {
        send(first, to: id)
        send(second, to: id)
    }

    func queuedBytes(_ id: ConnectionID) -> Int { self[id].isOpen ? self[id].queuedBytes : 0 }

    /// No clock that tells the date.
    var dateLine: ByteBuffer { ByteBuffer() }

    func hasUnread(_ id: ConnectionID) -> Bool { !self[id].incoming.isEmpty || self[id].hasEnded }

    mutating func pauseReads(_ id: ConnectionID) { self[id].isPaused = true }

    mutating func resumeReads(_ id: ConnectionID) { self[id].isPaused = false }

    mutating func close(_ id: ConnectionID, _ mode: CloseMode) {
        require(self[id].isOpen, "closed twice")
        self[id].closed = mode
        freeSlots.append(id)
        require(spools[place(id)] == nil, "closed with its temporary file left behind")
    }

    mutating func setDeadline(_ id: ConnectionID, at time: MonotonicTime?) {
        if self[id].isOpen { self[id].deadline = time }
    }

    mutating func wake(thread: Int) {}

    var unsentBytes: Int { connections.reduce(0) { $0 + ($1.isOpen ? $1.queuedBytes : 0) } }

    /// The open connection whose deadline comes first.
    var nextDeadline: (ConnectionID, MonotonicTime)? {
        var first: (ConnectionID, MonotonicTime)?
        for connection in connections where connection.isOpen {
            guard let deadline = connection.deadline else { continue }
            if first.map({ deadline < $0.1 }) ?? true { first = (connection.id, deadline) }
        }
        return first
    }

    // MARK: - Temporary files

    mutating func spool(_ bytes: borrowing Span<UInt8>, of id: ConnectionID) {
        require(self[id].isOpen, "a file for a closed connection")
        var spool = spools[place(id)] ?? Spool()
        for index in bytes.indices { spool.bytes.append(bytes[index]) }
        spool.unconfirmed.append(bytes.count)
        spools[place(id)] = spool
    }

    mutating func readSpool(_ range: Range<Int>, of id: ConnectionID) {
        guard var spool = spools[place(id)] else { finding("a file that does not exist is read") }
        require(spool.wanted == nil, "two parts of a file are asked for at once")
        require(range.upperBound <= spool.bytes.count && !range.isEmpty, "\(range) of a file of \(spool.bytes.count)")
        spool.wanted = range
        spools[place(id)] = spool
    }

    mutating func discardSpool(of id: ConnectionID) {
        spools[place(id)] = nil
    }
}
