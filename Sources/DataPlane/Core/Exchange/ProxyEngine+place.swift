import SignalboxProtocol

/// The choice of a worker for a request: who is picked, and what stands against it.
extension ProxyEngine {
    /// What became of the choice.
    enum Placement {
        /// A worker is picked, and the request is counted as in flight there.
        case placed
        case mustWait(WaitReason)
        case refused(ClientError)
    }

    /// How often a pick is made again because other threads took the room at a worker.
    private static let picksMax = 4

    /// Picks a worker of the pool, counts the request there and takes it on.
    mutating func place(_ id: ConnectionID, _ pool: Int, at now: MonotonicTime) -> Placement {
        if clients.slots[id.index].notes.readAt == nil { clients.slots[id.index].notes.readAt = now }
        guard clients.slots[id.index].request.route != .firstReadyWorker else { return placeFirst(id) }
        if let reason = waitBehindOthers(id, pool) { return .mustWait(reason) }
        gather(id, pool)
        for _ in 0..<ProxyEngine.picksMax {
            guard let index = pick(pool, for: id, at: now) else { break }
            let wasAdmitted = clients.slots[id.index].isAdmitted
            if let reason = admit(id, at: now) { return .mustWait(reason) }
            explain(id, index, pool, at: now)
            if take(id, index, at: now) {
                countPick(id, index, pool, at: now)
                note(id, index, pool, at: now)
                return .placed
            }
            if !wasAdmitted { dismiss(id) }
        }
        return unplaced(id, pool)
    }

    /// The first ready worker that has not failed the request, whatever its load: these requests are questions about the
    /// model and cost next to nothing.
    private mutating func placeFirst(_ id: ConnectionID) -> Placement {
        let ready = table.pools[0].ready
        let tried = clients.slots[id.index].tried
        guard let index = ready.first(where: { !tried.contains(table.workers[$0].lease.token) }) ?? ready.first else {
            return table.version == nil ? .refused(.noSnapshot) : .refused(.noReadyWorker)
        }
        loads.increment(slot: table.workers[index].lease.slot)
        counters.metrics.count(.questions, slot: table.workers[index].lease.slot)
        assign(id, index)
        clients.slots[id.index].placedAt = nil
        return .placed
    }

    /// What the request waits for because others wait that came before and want the same; nil: nobody does.
    private func waitBehindOthers(_ id: ConnectionID, _ pool: Int) -> WaitReason? {
        guard waiting.count > 0, clients.slots[id.index].phase != .waiting, !clients.slots[id.index].isAdmitted else {
            return nil
        }
        // Room at any worker is not what a request wants that names one.
        let isPinned = isPinned(id, pool)
        let other = waiting.entries.first { entry in
            guard isWaiting(entry) else { return false }
            let reason = clients.slots[entry.client.index].waitReason
            return reason == .concurrency || reason == .rate || reason == .noRoom && entry.pool == pool && !isPinned
        }
        return other.map { isPinned ? clients.slots[$0.client.index].waitReason : .noRoom }
    }

    /// Whether the request gets the worker that it names by its number, or none.
    func isPinned(_ id: ConnectionID, _ pool: Int) -> Bool {
        guard case .consistentHashing = table.pools[pool].policy else { return false }
        return clients.slots[id.index].request.keys.target != nil
    }

    /// A worker that has not failed the request; one that has only when no other could take it soon.
    private mutating func pick(_ pool: Int, for id: ConnectionID, at now: MonotonicTime) -> Int? {
        // For a request that names its worker there is no other.
        let tried = isPinned(id, pool) ? [] : clients.slots[id.index].tried
        let filter = WorkerFilter(loads: loads, now: now, tried: tried)
        let ready = table.pools[pool].ready
        if let index = table.pools[pool].policy.pick(from: ready, of: table.workers, filter, &facts, using: &random) {
            return index
        }
        guard !tried.isEmpty, !hasAnother(id, pool, than: tried, at: now) else { return nil }
        let all = WorkerFilter(loads: loads, now: now, tried: [])
        return table.pools[pool].policy.pick(from: ready, of: table.workers, all, &facts, using: &random)
    }

    /// Whether the pool has a worker for the request that has not failed it and whose breaker lets requests through.
    func hasAnother(_ id: ConnectionID, _ pool: Int, than tried: [UInt64], at now: MonotonicTime) -> Bool {
        guard !isPinned(id, pool) else { return false }
        return table.pools[pool].ready.contains { index in
            let lease = table.workers[index].lease
            return !tried.contains(lease.token) && loads.gate(slot: lease.slot).admits(at: now)
        }
    }

    /// No worker takes the request now: what it waits for, or why waiting would not help.
    private func unplaced(_ id: ConnectionID, _ pool: Int) -> Placement {
        guard table.version != nil else { return .refused(.noSnapshot) }
        if !table.pools[pool].ready.isEmpty {
            guard isPinned(id, pool), case .consistentHashing(let members) = table.pools[pool].policy else {
                return .mustWait(.noRoom)
            }
            let target = clients.slots[id.index].request.keys.target ?? 0
            return .refused(target < members.count ? .targetWorkerUnavailable : .unknownTargetWorker)
        }
        // One that never was ready may never be: what was lost decides how long it is worth to wait.
        if table.pools[pool].hasUnhealthy { return .mustWait(.unhealthy) }
        return table.pools[pool].hasPending ? .mustWait(.notReady) : .refused(.noWorker)
    }

    /// Takes the request on; the reason when the data plane may not.
    private mutating func admit(_ id: ConnectionID, at now: MonotonicTime) -> WaitReason? {
        guard !clients.slots[id.index].isAdmitted else { return nil }
        guard admission.enter(max: table.settings.admission.concurrentRequestsMax) else { return .concurrency }
        guard admission.takeToken(table.settings.admission, at: now) == nil else {
            admission.leave()
            return .rate
        }
        clients.slots[id.index].isAdmitted = true
        return nil
    }

    /// The request does not count among those that were taken on any more.
    mutating func dismiss(_ id: ConnectionID) {
        guard clients.slots[id.index].isAdmitted else { return }
        clients.slots[id.index].isAdmitted = false
        admission.leave()
        noteRoom()
    }

    /// Counts the request at the worker, unless another thread was faster.
    private mutating func take(_ id: ConnectionID, _ index: Int, at now: MonotonicTime) -> Bool {
        let slot = table.workers[index].lease.slot
        let filter = WorkerFilter(loads: loads, now: now, tried: [])
        guard loads.increment(slot: slot, max: filter.room(of: table.workers[index])) else { return false }
        if loads.gate(slot: slot).needsTrial {
            let (mayGo, isTrial) = breakers.begin(slot: slot, at: now, table.settings.breaker)
            guard mayGo else {
                loads.decrement(slot: slot)
                return false
            }
            clients.slots[id.index].isTrial = isTrial
        }
        assign(id, index)
        clients.slots[id.index].placedAt = table.workers[index].requestsMax == nil ? now : nil
        return true
    }

    private mutating func assign(_ id: ConnectionID, _ index: Int) {
        clients.slots[id.index].countedSlot = table.workers[index].lease.slot
        clients.slots[id.index].worker = PickedWorker(table.workers[index])
        clients.slots[id.index].hasOutcome = false
    }
}
