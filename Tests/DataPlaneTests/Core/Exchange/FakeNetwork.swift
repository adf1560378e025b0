@testable import DataPlaneCore

/// A network in memory: it records what the engine does and refuses what a real one could not do.
struct FakeNetwork: Network {
    struct Connection {
        var isUpstream: Bool
        var address: UpstreamAddress?
        var sent: [UInt8] = []
        var queued = 0
        var isPaused = false
        var deadline: MonotonicTime?
        var closed: CloseMode?
    }

    var now = MonotonicTime(milliseconds: 1_000)
    var connections: [ConnectionID: Connection] = [:]
    /// In the order in which the engine opened them.
    var upstreams: [ConnectionID] = []
    var refusesToConnect = false
    /// Temporary files by their connection, and the part of each that was asked for.
    var spools: [ConnectionID: [UInt8]] = [:]
    var wantedOfSpools: [ConnectionID: Range<Int>] = [:]
    /// Empty, so that tests can name whole heads.
    var dateLine = ByteBuffer()
    private var nextSlot: UInt32 = 0

    mutating func open(isUpstream: Bool, address: UpstreamAddress? = nil) -> ConnectionID {
        let id = ConnectionID(slot: nextSlot, generation: 1)
        nextSlot += 1
        connections[id] = Connection(isUpstream: isUpstream, address: address)
        return id
    }

    mutating func connect(to address: UpstreamAddress) -> ConnectionID? {
        guard !refusesToConnect else { return nil }
        let id = open(isUpstream: true, address: address)
        upstreams.append(id)
        return id
    }

    mutating func send(_ bytes: borrowing Span<UInt8>, to id: ConnectionID) {
        precondition(connections[id] != nil && connections[id]?.closed == nil, "sent to a connection that is not open")
        for index in bytes.indices { connections[id]?.sent.append(bytes[index]) }
    }

    mutating func send(_ first: borrowing Span<UInt8>, _ second: borrowing Span<UInt8>, to id: ConnectionID) {
        send(first, to: id)
        send(second, to: id)
    }

    func queuedBytes(_ id: ConnectionID) -> Int { connections[id]?.queued ?? 0 }

    /// Connections that have unread bytes.
    var unread: Set<ConnectionID> = []

    func hasUnread(_ id: ConnectionID) -> Bool { unread.contains(id) }

    mutating func pauseReads(_ id: ConnectionID) { connections[id]?.isPaused = true }
    mutating func resumeReads(_ id: ConnectionID) { connections[id]?.isPaused = false }

    mutating func close(_ id: ConnectionID, _ mode: CloseMode) {
        precondition(connections[id]?.closed == nil, "closed twice")
        connections[id]?.closed = mode
    }

    mutating func setDeadline(_ id: ConnectionID, at time: MonotonicTime?) { connections[id]?.deadline = time }

    /// The open connection whose deadline comes first.
    var nextDeadline: (ConnectionID, MonotonicTime)? {
        connections.compactMap { id, connection in
            connection.closed == nil ? connection.deadline.map { (id, $0) } : nil
        }.min { $0.1 < $1.1 }
    }

    /// Threads that were woken, in order.
    var woken: [Int] = []

    mutating func wake(thread: Int) { woken.append(thread) }

    var unsentBytes: Int { connections.values.reduce(0) { $0 + $1.queued } }

    mutating func spool(_ bytes: borrowing Span<UInt8>, of id: ConnectionID) {
        for index in bytes.indices { spools[id, default: []].append(bytes[index]) }
    }

    mutating func readSpool(_ range: Range<Int>, of id: ConnectionID) {
        precondition(wantedOfSpools[id] == nil, "two parts were asked for at once")
        precondition(range.upperBound <= spools[id]?.count ?? 0, "a part that was never written was asked for")
        wantedOfSpools[id] = range
    }

    mutating func discardSpool(of id: ConnectionID) {
        spools[id] = nil
        wantedOfSpools[id] = nil
    }

    /// The part of a temporary file that was asked for, once.
    mutating func takeSpoolRead(_ id: ConnectionID) -> [UInt8]? {
        guard let range = wantedOfSpools.removeValue(forKey: id), let file = spools[id] else { return nil }
        return Array(file[range])
    }

    /// What was sent to a connection since the last call, as text.
    mutating func takeText(_ id: ConnectionID) -> String {
        let text = String(decoding: connections[id]?.sent ?? [], as: UTF8.self)
        connections[id]?.sent = []
        return text
    }

    func isClosed(_ id: ConnectionID) -> Bool { connections[id]?.closed != nil }
}
