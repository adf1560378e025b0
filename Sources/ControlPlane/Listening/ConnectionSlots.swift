/// The open connections of one listener, and which of them has to go when there are as many as there may be.
///
/// A connection whose client has the next move can be closed: the one that has been silent for the longest time. One whose
/// request is being done is never closed; when all are so, nothing is accepted until one ends.
struct ConnectionSlots {
    typealias ID = UInt64
    typealias Time = ContinuousClock.Instant

    let connectionsMax: Int
    /// Accepted and not closed yet, whether or not they have entered or left.
    private var openCount = 0
    /// Entered and not left yet; the one count that ``leaving`` can be held against, because a connection may leave
    /// before or after it counts as closed.
    private var inside: Set<ID> = []
    /// Since when the client of a connection has been silent, of those that wait for their clients.
    private var silentSince: [ID: Time] = [:]
    /// Told to close, and not closed yet.
    private var leaving: Set<ID> = []

    init(connectionsMax: Int) {
        precondition(connectionsMax > 0, "connectionsMax must be positive, is \(connectionsMax)")
        self.connectionsMax = connectionsMax
    }

    var hasRoom: Bool { openCount < connectionsMax }

    mutating func accepted() { openCount += 1 }

    mutating func closed() { openCount -= 1 }

    /// The connection is set up, and waits for its client.
    mutating func entered(_ id: ID, at time: Time) {
        inside.insert(id)
        waits(id, since: time)
    }

    /// The connection begins to wait for its client, or has just got something from it.
    mutating func waits(_ id: ID, since time: Time) {
        guard !leaving.contains(id) else { return }
        silentSince[id] = time
    }

    /// The connection has a request to do, even if it was told to close.
    mutating func works(_ id: ID) {
        silentSince[id] = nil
        leaving.remove(id)
    }

    mutating func left(_ id: ID) {
        inside.remove(id)
        silentSince[id] = nil
        leaving.remove(id)
    }

    /// The connection that must close now, so that the next client finds room; nil when there is room, or when none can.
    mutating func victim() -> ID? {
        guard inside.count - leaving.count >= connectionsMax else { return nil }
        return longestSilent()
    }

    /// The connection that is missed least; nil when every one is needed.
    mutating func longestSilent() -> ID? {
        guard let id = silentSince.min(by: { ($0.value, $0.key) < ($1.value, $1.key) })?.key else { return nil }
        silentSince[id] = nil
        leaving.insert(id)
        return id
    }
}
