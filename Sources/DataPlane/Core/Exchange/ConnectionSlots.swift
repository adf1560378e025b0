/// Connections by the slot of their handle, in one array that grows with the highest slot in use.
struct ConnectionSlots<Connection: SlotConnection> {
    /// Read and changed in place: an accessor of our own would copy a whole connection for every field that is read.
    /// Only slots in use may be touched, and only `insert` and `remove` may change which these are.
    var slots: [Connection] = []
    private(set) var count = 0

    @inline(__always)
    func contains(_ index: Int) -> Bool {
        index < slots.count && slots[index].id != .unused
    }

    mutating func insert(_ connection: Connection, at index: Int) {
        while slots.count <= index { slots.append(.unused) }
        precondition(!contains(index), "slot \(index) is in use")
        slots[index] = connection
        count += 1
    }

    mutating func remove(at index: Int) {
        precondition(contains(index), "slot \(index) is not in use")
        slots[index] = .unused
        count -= 1
    }

    func ids(where condition: (Connection) -> Bool) -> [ConnectionID] {
        slots.compactMap { $0.id != .unused && condition($0) ? $0.id : nil }
    }
}

/// A connection that knows its own handle, and what an empty slot holds.
protocol SlotConnection {
    var id: ConnectionID { get }
    static var unused: Self { get }
}

extension ConnectionID {
    /// The handle of no connection.
    @inline(__always)
    static var unused: ConnectionID { ConnectionID(slot: .max, generation: .max) }
}

extension ClientConnection: SlotConnection {
    static var unused: ClientConnection {
        let nobody = IPAddress(bytes: SIMD16(repeating: 0), isIPv6: false)
        return ClientConnection(id: .unused, peer: ClientPeer(address: nobody))
    }
}

extension UpstreamConnection: SlotConnection {
    static var unused: UpstreamConnection { UpstreamConnection(id: .unused, client: nil, lease: nil) }
}
