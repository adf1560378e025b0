import SignalboxProtocol

/// What the end of an attempt says about its worker.
extension ProxyEngine {
    /// The attempt has failed by the worker's fault.
    ///
    /// - Parameter isSilence: a time limit ended it.
    mutating func noteFailure(
        _ id: ConnectionID,
        _ reason: StaticText,
        isSilence: Bool = false,
        at now: MonotonicTime
    ) {
        guard let slot = clients.slots[id.index].countedSlot, !clients.slots[id.index].hasOutcome else { return }
        let isTrial = clients.slots[id.index].isTrial
        clients.slots[id.index].hasOutcome = true
        clients.slots[id.index].isTrial = false
        counters.metrics.count(.failures, slot: slot)
        let table = table
        let hasOpenedSilently = breakers.failed(
            slot: slot,
            reason,
            isTrial: isTrial,
            isSilence: isSilence,
            at: now,
            table.settings.breaker
        ) {
            table.pools.map { pool in pool.ready.map { table.workers[$0].lease.slot } }.filter { $0.contains(slot) }
        }
        if hasOpenedSilently { hasSilenced = true }
    }

    /// The worker answers that it is unavailable, and for how many seconds it wants to be left alone. Other statuses are
    /// about one client's request, and must not keep others' away.
    mutating func noteWish(_ id: ConnectionID, status: Int, retryAfter: Int?, at now: MonotonicTime) {
        guard status == 503, let retryAfter, retryAfter > 0, let slot = clients.slots[id.index].countedSlot else {
            return
        }
        let table = table
        let pools = table.pools.map { pool in pool.ready.map { table.workers[$0].lease.slot } }
        breakers.rest(
            slot: slot,
            milliseconds: min(retryAfter, WorkerBreakers.restMillisecondsMax) * 1000,
            at: now,
            table.settings.breaker,
            pools: pools.filter { $0.contains(slot) }
        )
    }

    /// The worker has given a whole answer, whatever it says.
    mutating func noteSuccess(_ id: ConnectionID, at now: MonotonicTime) {
        guard let slot = clients.slots[id.index].countedSlot, !clients.slots[id.index].hasOutcome else { return }
        clients.slots[id.index].hasOutcome = true
        if let placedAt = clients.slots[id.index].placedAt {
            limits.completed(slot: slot, placedAt: placedAt, at: now)
        }
        guard loads.gate(slot: slot) != .clear else { return }
        let isTrial = clients.slots[id.index].isTrial
        clients.slots[id.index].isTrial = false
        breakers.succeeded(slot: slot, isTrial: isTrial, table.settings.breaker)
        noteRoom()
    }

    /// The client has left; that says something of the worker when it has not begun to answer.
    func noteAbandoned(_ id: ConnectionID, at now: MonotonicTime) {
        let client = clients.slots[id.index]
        guard let slot = client.countedSlot, let placedAt = client.placedAt, !client.hasOutcome,
            client.exchange.phase != .relaying
        else { return }
        limits.abandoned(slot: slot, placedAt: placedAt, at: now)
    }

    /// The worker answers with this status: a failure when no client could provoke it.
    mutating func noteStatus(_ id: ConnectionID, _ status: Int, at now: MonotonicTime) {
        switch status {
        case 200..<300: break
        case 502: noteFailure(id, "It answered 502.", at: now)
        case 503: noteFailure(id, "It answered 503.", at: now)
        case 504: noteFailure(id, "It answered 504.", at: now)
        case _ where table.settings.breaker.counts == .errors:
            noteFailure(id, "It answered with a status that is not 2xx (--cb-counts errors).", at: now)
        default: break
        }
    }

    /// The one place where a request stops to be in flight on a worker.
    mutating func uncount(_ id: ConnectionID) {
        guard let slot = clients.slots[id.index].countedSlot else { return }
        if clients.slots[id.index].isTrial {
            clients.slots[id.index].isTrial = false
            breakers.abandoned(slot: slot, table.settings.breaker)
        }
        clients.slots[id.index].countedSlot = nil
        settleWork(id, at: nil)
        loads.decrement(slot: slot)
        noteRoom()
    }
}
