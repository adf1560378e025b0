/// The pool: idle connections per worker, the youngest first, so that superfluous ones grow old and are closed.
struct IdleUpstreams {
    private struct Stack {
        var token: UInt64
        var connections: [ConnectionID] = []
    }

    /// By counter slot of the worker.
    private var stacks: [Stack] = []
    /// Connections in the pool.
    private(set) var count = 0

    /// The idle connection that was used last, or nil.
    mutating func take(_ lease: WorkerSlots.Lease) -> ConnectionID? {
        guard lease.slot < stacks.count, stacks[lease.slot].token == lease.token else { return nil }
        guard let taken = stacks[lease.slot].connections.popLast() else { return nil }
        count -= 1
        return taken
    }

    /// The connection that has been idle for longest in the fullest stack; for the rare case that others need its
    /// descriptor.
    mutating func takeSuperfluous() -> ConnectionID? {
        guard count > 0 else { return nil }
        guard let fullest = stacks.indices.max(by: { stacks[$0].connections.count < stacks[$1].connections.count })
        else { return nil }
        count -= 1
        return stacks[fullest].connections.removeFirst()
    }

    /// Keeps a connection; false when the worker has enough of them, or is another one by now.
    mutating func put(_ id: ConnectionID, _ lease: WorkerSlots.Lease, limit: Int) -> Bool {
        while stacks.count <= lease.slot { stacks.append(Stack(token: 0)) }
        if stacks[lease.slot].token != lease.token {
            guard stacks[lease.slot].connections.isEmpty, stacks[lease.slot].token < lease.token else { return false }
            stacks[lease.slot].token = lease.token
        }
        guard stacks[lease.slot].connections.count < limit else { return false }
        stacks[lease.slot].connections.append(id)
        count += 1
        return true
    }

    /// Forgets a connection that was closed while it was idle.
    mutating func remove(_ id: ConnectionID, _ lease: WorkerSlots.Lease) {
        guard lease.slot < stacks.count, stacks[lease.slot].token == lease.token else { return }
        guard let position = stacks[lease.slot].connections.lastIndex(of: id) else { return }
        stacks[lease.slot].connections.remove(at: position)
        count -= 1
    }

    /// Empties the stacks of workers that the table does not have any more and returns their connections.
    mutating func removeStale(keeping table: RoutingTable) -> [ConnectionID] {
        var current: [Int: UInt64] = [:]
        for worker in table.workers { current[worker.lease.slot] = worker.lease.token }
        var stale: [ConnectionID] = []
        for slot in stacks.indices where current[slot] != stacks[slot].token {
            stale += stacks[slot].connections
            stacks[slot].connections = []
        }
        count -= stale.count
        return stale
    }
}
