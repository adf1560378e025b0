import SignalboxProtocol

/// Requests that await the first byte of a worker which was taken out because nothing is heard of it (decision 0035).
extension ProxyEngine {
    /// How long to wait where no other worker has room, or the retry budget is used up, in milliseconds.
    private static let silenceLookMilliseconds = 250

    /// Looks for such requests when a breaker has opened, here or on another thread, or when it is time to look again.
    mutating func lookForSilence(_ network: inout some Network & ~Copyable) {
        if hasSilenced {
            // The others may sleep without a time, and have requests there too.
            hasSilenced = false
            for other in otherCounters { network.wake(thread: other.thread) }
        }
        let (openings, now) = (breakers.silentOpenings, network.now)
        guard openings != seenOpenings || silenceLookAt.map({ $0 <= now }) ?? false else { return }
        seenOpenings = openings
        leaveSilentWorkers(&network)
        continueClients(&network)
    }

    /// Whether the thread must not sleep for long.
    public var looksForSilence: Bool { silenceLookAt != nil }

    /// Sends such requests to other workers: those that the worker has left without a byte for long enough.
    mutating func leaveSilentWorkers(_ network: inout some Network & ~Copyable) {
        silenceLookAt = nil
        let silence = table.settings.retry.silenceMilliseconds
        guard silence > 0 else { return }
        let observed = Set(table.workers.lazy.filter(\.isSilent).map(\.lease.slot))
        let out = breakers.silentSlots()
        guard !observed.isEmpty || !out.isEmpty else { return }
        let there = upstreams.ids { upstream in
            guard upstream.client != nil, let slot = upstream.lease?.slot else { return false }
            return observed.contains(slot) || out.contains(slot)
        }
        for id in there {
            guard isUpstream(id), let client = upstreams.slots[id.index].client,
                let slot = upstreams.slots[id.index].lease?.slot,
                clients.slots[client.index].exchange.mayLeave(attemptsMax: table.settings.retry.attemptsMax),
                // A breaker's trial is there to find out whether the worker answers.
                observed.contains(slot) || !clients.slots[client.index].isTrial
            else { continue }
            let lastSign = max(upstreams.slots[id.index].sentAt, loads.heardAt(slot: slot))
            let due = lastSign.adding(milliseconds: silence)
            if due > network.now {
                lookAgain(at: due)
            } else if !leave(id, client, &network) {
                lookAgain(at: network.now.adding(milliseconds: ProxyEngine.silenceLookMilliseconds))
            }
        }
    }

    private mutating func lookAgain(at time: MonotonicTime) {
        silenceLookAt = silenceLookAt.map { min($0, time) } ?? time
    }

    /// Gives a request up where it is and makes another attempt, unless it would have to wait for one or is not paid for.
    private mutating func leave(
        _ upstream: ConnectionID,
        _ id: ConnectionID,
        _ network: inout some Network & ~Copyable
    ) -> Bool {
        guard let pool = choosePool(id), let token = clients.slots[id.index].worker?.lease.token else { return false }
        let table = table
        let filter = WorkerFilter(loads: loads, now: network.now, tried: clients.slots[id.index].tried + [token])
        guard !isPinned(id, pool), table.pools[pool].ready.contains(where: { filter.admits(table.workers[$0]) }),
            !upstreams.slots[upstream.index].isConnected || spendRetry(at: network.now)
        else { return false }
        discardUpstream(upstream, &network)
        clients.slots[id.index].upstream = nil
        noteFailure(id, "It fell silent before it answered.", isSilence: true, at: network.now)
        _ = leaveWorker(id, at: network.now)
        willRetry(id)
        dispatch(id, &network)
        return true
    }
}
