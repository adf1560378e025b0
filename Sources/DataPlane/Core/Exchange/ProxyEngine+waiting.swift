import SignalboxProtocol
import Synchronization

/// Requests that wait for a worker, in the order of arrival and in bounded number.
extension ProxyEngine {
    /// How often a request that waits for room looks by itself, in milliseconds: room that another thread made, or a
    /// breaker that has become half-open.
    private static let lookMilliseconds = 250
    /// By how much a waiting request of another thread must be older to come first, in milliseconds.
    private static let elderMilliseconds = 100

    /// Lets a request wait, or tells its client at once that it may not.
    mutating func wait(
        _ id: ConnectionID,
        _ pool: Int,
        _ reason: WaitReason,
        _ network: inout some Network & ~Copyable
    ) {
        let isNew = clients.slots[id.index].waitsSince == nil
        clients.slots[id.index].waitReason = reason
        guard longestWait(id) > 0, !isNew || hasPlaceInQueue(pool, reason) else {
            refuse(id, overloadAnswer(reason, at: network.now), &network)
            return
        }
        if isNew { clients.slots[id.index].waitsSince = network.now }
        if clients.slots[id.index].waitBeganAt == nil { clients.slots[id.index].waitBeganAt = network.now }
        clients.slots[id.index].phase = .waiting
        var list = WaitingList()
        swap(&list, &waiting)
        list.compact { isWaiting($0) }
        clients.slots[id.index].waitingTicket = list.join(id, pool: pool)
        swap(&list, &waiting)
        counters.waiting.store(waiting.count, ordering: .relaxed)
        armWait(id, &network)
    }

    /// How long the request may wait in all, in milliseconds.
    private func longestWait(_ id: ConnectionID) -> Int {
        let timeouts = clients.slots[id.index].timeouts
        return clients.slots[id.index].waitReason == .unhealthy ? timeouts.holdMilliseconds : timeouts.queueMilliseconds
    }

    private func waitDeadline(_ id: ConnectionID) -> MonotonicTime? {
        clients.slots[id.index].waitsSince?.adding(milliseconds: longestWait(id))
    }

    private mutating func armWait(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        var deadline = waitDeadline(id)
        if clients.slots[id.index].waitReason.endsWithOthers {
            let look = network.now.adding(milliseconds: ProxyEngine.lookMilliseconds)
            deadline = deadline.map { min($0, look) }
        }
        setDeadline(id, at: deadline, &network)
    }

    /// The deadline of a request in the phase `waiting`.
    mutating func waitTimePassed(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        if clients.slots[id.index].retryAt != nil {
            clients.slots[id.index].retryAt = nil
            dispatch(id, &network)
        } else if let deadline = waitDeadline(id), deadline > network.now {
            armWait(id, &network)
            hasFreedRoom = true
        } else {
            refuse(id, LocalAnswer(clients.slots[id.index].waitReason.timeout), &network)
        }
    }

    // MARK: - The bound of the queue

    /// Whether one more request may wait.
    private func hasPlaceInQueue(_ pool: Int, _ reason: WaitReason) -> Bool {
        let all = waiting.count + othersWaiting
        guard all < table.settings.admission.queueSize else { return false }
        return reason != .noRoom || all < queueShare(pool)
    }

    /// Most requests that may wait for room at the workers of a pool: a share of what those run at one time, so that who
    /// waits is still answered in useful time.
    private func queueShare(_ pool: Int) -> Int {
        let percent = table.settings.admission.queuePercentMax
        guard percent > 0 else { return .max }
        let filter = WorkerFilter(loads: loads, now: MonotonicTime(milliseconds: 0), tried: [])
        var room = 0
        for index in table.pools[pool].ready {
            let (sum, overflows) = room.addingReportingOverflow(filter.running(table.workers[index]))
            guard !overflows else { return .max }
            room = sum
        }
        return room > Int.max / percent ? .max : max(1, room * percent / 100)
    }

    /// Why an inference request is refused before its body is read; nil when it may be tried.
    func overload(at now: MonotonicTime) -> LocalAnswer? {
        let settings = table.settings.admission
        let isQueueFull = waiting.count + othersWaiting >= settings.queueSize
        if isQueueFull && admission.isFull(max: settings.concurrentRequestsMax) {
            return overloadAnswer(.concurrency, at: now)
        }
        if isQueueFull && admission.millisecondsToToken(settings, at: now) > 0 { return overloadAnswer(.rate, at: now) }
        // What follows must cost nothing while nobody waits.
        guard isQueueFull || waiting.count > 0, !table.routesByModel, !table.pools[0].ready.isEmpty else { return nil }
        guard !hasPlaceInQueue(0, .noRoom) else { return nil }
        let filter = WorkerFilter(loads: loads, now: now, tried: [])
        let hasRoom = waiting.count == 0 && table.pools[0].ready.contains { filter.admits(table.workers[$0]) }
        return hasRoom ? nil : overloadAnswer(.noRoom, at: now)
    }

    private func overloadAnswer(_ reason: WaitReason, at now: MonotonicTime) -> LocalAnswer {
        var answer = LocalAnswer(reason.refusal)
        if reason == .rate {
            let milliseconds = admission.millisecondsToToken(table.settings.admission, at: now)
            answer.retryAfter = max(1, (milliseconds + 999) / 1000)
        }
        return answer
    }

    // MARK: - The end of a wait

    /// A request has ended or has left a worker: somebody who waits may go on.
    mutating func noteRoom() {
        if waiting.count > 0 || othersWaiting > 0 { hasFreedRoom = true }
    }

    /// Gives room to those who have waited longest, here or on another thread.
    mutating func serveWaiting(_ network: inout some Network & ~Copyable) {
        hasFreedRoom = false
        let ownSince = oldestWait() ?? .max
        if let elder = eldestOther(), elder.since < ownSince - ProxyEngine.elderMilliseconds {
            network.wake(thread: elder.thread)
            return
        }
        var full: [Int] = []
        var position = 0
        while position < waiting.entries.count {
            let entry = waiting.entries[position]
            position += 1
            guard isWaiting(entry), clients.slots[entry.client.index].waitReason.endsWithOthers else { continue }
            guard !full.contains(entry.pool) else { continue }
            guard let reason = serve(entry, &network) else { continue }
            // Others cannot have more luck with what is the same for all.
            if reason != .noRoom || !table.routesByModel { return }
            full.append(entry.pool)
        }
    }

    /// Sends a waiting request on, or says what it must go on waiting for.
    private mutating func serve(_ entry: WaitingList.Entry, _ network: inout some Network & ~Copyable) -> WaitReason? {
        let id = entry.client
        switch place(id, entry.pool, at: network.now) {
        case .mustWait(let reason):
            clients.slots[id.index].waitReason = reason
            return reason
        case .placed:
            leaveWaiting(id)
            send(id, &network)
        case .refused(let error): refuse(id, LocalAnswer(error), &network)
        }
        return nil
    }

    /// Since when the first request waits that the end of another one may help, in milliseconds.
    func oldestWait() -> Int? {
        guard waiting.count > 0 else { return nil }
        let first = waiting.entries.first { entry in
            isWaiting(entry) && clients.slots[entry.client.index].waitReason.endsWithOthers
        }
        return first.flatMap { clients.slots[$0.client.index].waitsSince?.milliseconds }
    }

    private func eldestOther() -> (thread: Int, since: Int)? {
        guard othersWaiting > 0 else { return nil }
        var eldest: (thread: Int, since: Int)?
        for other in otherCounters {
            let since = other.waitingSince.load(ordering: .relaxed)
            if since > 0 && since < eldest?.since ?? .max { eldest = (other.thread, since) }
        }
        return eldest
    }

    /// Another thread says that there may be room.
    public mutating func roomMade(_ network: inout some Network & ~Copyable) {
        if waiting.count > 0 { hasFreedRoom = true }
        continueClients(&network)
    }

    /// Whether an entry's client still waits in that place.
    func isWaiting(_ entry: WaitingList.Entry) -> Bool {
        isClient(entry.client) && clients.slots[entry.client.index].waitingTicket == entry.ticket
    }

    /// The request does not wait for a worker any more.
    mutating func leaveWaiting(_ id: ConnectionID) {
        guard clients.slots[id.index].waitingTicket != nil else { return }
        clients.slots[id.index].waitingTicket = nil
        waiting.leave()
        counters.waiting.store(waiting.count, ordering: .relaxed)
    }
}
