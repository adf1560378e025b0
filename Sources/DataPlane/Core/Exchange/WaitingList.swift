/// Clients whose requests wait for a worker, in the order of arrival. Leaving costs nothing: an entry whose ticket is not
/// its client's any more is passed over.
struct WaitingList {
    /// An entry, and what the client keeps to be recognised by.
    struct Entry {
        var client: ConnectionID
        var ticket: UInt64
        /// The pool of the present table that it waits for.
        var pool: Int
    }

    private(set) var entries: [Entry] = []
    private var nextTicket: UInt64 = 1
    /// Entries whose clients still wait.
    private(set) var count = 0

    /// Adds a client at the end and returns its ticket.
    mutating func join(_ client: ConnectionID, pool: Int) -> UInt64 {
        let ticket = nextTicket
        nextTicket += 1
        entries.append(Entry(client: client, ticket: ticket, pool: pool))
        count += 1
        return ticket
    }

    /// A client that had a ticket gives it up.
    mutating func leave() {
        precondition(count > 0, "nobody waits")
        count -= 1
        if count == 0 { entries.removeAll(keepingCapacity: entries.capacity <= 1024) }
    }

    /// Everybody who ever joined and was not taken yet; who still has the same ticket waits.
    mutating func takeAll() -> [Entry] {
        let taken = entries
        entries = []
        count = 0
        return taken
    }

    /// Drops entries of clients that have left, once they are the larger part.
    mutating func compact(_ stillWaits: (Entry) -> Bool) {
        guard entries.count > 64, entries.count > 2 * count else { return }
        entries.removeAll { !stillWaits($0) }
    }
}
