import SignalboxProtocol
import Synchronization

/// Further attempts for a request whose client has not got anything yet.
extension ProxyEngine {
    /// An attempt was lost, and the exchange would make another one.
    mutating func retry(_ id: ConnectionID, _ cause: Exchange.LossCause, _ network: inout some Network & ~Copyable) {
        guard let worker = clients.slots[id.index].worker else {
            refuse(id, LocalAnswer(.controlPlaneUnreachable), &network)
            return
        }
        if !cause.hasReachedWorker && worker.address + 1 < worker.endpoint.addresses.count {
            clients.slots[id.index].worker?.address += 1
            retryHere(id, &network)
            return
        }
        if let failure = cause.failure { noteFailure(id, failure, isSilence: cause.isTimeout, at: network.now) }
        let hasAnother = leaveWorker(id, at: network.now)
        guard hasAnother || !cause.isTimeout, !cause.hasReachedWorker || spendRetry(at: network.now) else {
            refuse(id, LocalAnswer(.lostWorker(cause, hasAnswered: false)), &network)
            return
        }
        if hasAnother && !cause.hasReachedWorker {
            willRetry(id)
            dispatch(id, &network)
        } else {
            backOff(id, atLeast: 0, &network)
        }
    }

    /// Once more to the same worker, if the present table still has it ready; else as the present table says.
    mutating func retryHere(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        let lease = clients.slots[id.index].worker?.lease
        if table.workers.contains(where: { $0.lease == lease && $0.availability == .ready }) {
            send(id, fresh: true, &network)
        } else {
            uncount(id)
            willRetry(id)
            dispatch(id, &network)
        }
    }

    /// A worker answers with a status that another attempt may better: drops the answer and makes one, if that is worth it.
    ///
    /// - Parameter retryAfter: the seconds for which the worker asks to be left alone.
    /// - Returns: false when the client is to get this answer.
    mutating func retry(
        _ id: ConnectionID,
        status: Int,
        retryAfter: Int?,
        _ network: inout some Network & ~Copyable
    ) -> Bool {
        let settings = table.settings.retry
        guard case .inference = clients.slots[id.index].request.route,
            clients.slots[id.index].exchange.mayRetry(status: status, attemptsMax: settings.attemptsMax),
            let pool = choosePool(id), let lease = clients.slots[id.index].worker?.lease
        else { return false }
        let hasAnother = hasAnother(id, pool, than: clients.slots[id.index].tried + [lease.token], at: network.now)
        // The answer may be as good as any when its worker alone could be asked again, and wants to be left alone.
        let (pause, overflows) = (hasAnother ? 0 : retryAfter ?? 0).multipliedReportingOverflow(by: 1000)
        guard !overflows, pause <= settings.backoffMaxMilliseconds, spendRetry(at: network.now) else { return false }
        if let upstream = clients.slots[id.index].upstream { discardUpstream(upstream, &network) }
        clients.slots[id.index].upstream = nil
        _ = leaveWorker(id, at: network.now)
        backOff(id, atLeast: pause, &network)
        return true
    }

    mutating func spendRetry(at now: MonotonicTime) -> Bool {
        budget.spend(inFlight: counters.inFlight.load(ordering: .relaxed), at: now)
    }

    /// The request is not at its worker any more and remembers that this one failed it.
    ///
    /// - Returns: whether there is a worker that has not.
    mutating func leaveWorker(_ id: ConnectionID, at now: MonotonicTime) -> Bool {
        if let token = clients.slots[id.index].worker?.lease.token, !clients.slots[id.index].tried.contains(token) {
            clients.slots[id.index].tried.append(token)
        }
        uncount(id)
        guard let pool = choosePool(id) else { return false }
        return hasAnother(id, pool, than: clients.slots[id.index].tried, at: now)
    }

    /// Makes another attempt after a while.
    private mutating func backOff(
        _ id: ConnectionID,
        atLeast milliseconds: Int,
        _ network: inout some Network & ~Copyable
    ) {
        let attempts = clients.slots[id.index].exchange.attempts
        let backoff = table.settings.retry.backoffMilliseconds(afterAttempts: attempts, using: &random)
        let retryAt = network.now.adding(milliseconds: max(backoff, milliseconds))
        willRetry(id)
        clients.slots[id.index].phase = .waiting
        clients.slots[id.index].retryAt = retryAt
        setDeadline(id, at: retryAt, &network)
    }

    /// Ends what workers still do whose time to drain is over.
    mutating func cutWorkers(_ network: inout some Network & ~Copyable) {
        let cut = Set(table.workers.lazy.filter(\.isCut).map(\.lease))
        guard !cut.isEmpty else { return }
        for id in upstreams.ids(where: { upstream in upstream.lease.map(cut.contains) ?? false }) {
            guard isUpstream(id) else { continue }
            guard let client = upstreams.slots[id.index].client else {
                dropIdle(id, &network)
                continue
            }
            discardUpstream(id, &network)
            clients.slots[client.index].upstream = nil
            if clients.slots[client.index].exchange.phase == .relaying {
                abort(client, .workerRemoved, &network)
            } else if clients.slots[client.index].exchange.isReplayable {
                uncount(client)
                willRetry(client)
                dispatch(client, &network)
            } else {
                refuse(client, LocalAnswer(.workerRemoved), &network)
            }
        }
    }
}
