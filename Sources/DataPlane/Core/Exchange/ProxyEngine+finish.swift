import SignalboxProtocol
import Synchronization

extension ProxyEngine {
    /// The request has got its complete answer: the connection goes on to the next one, or closes.
    mutating func finish(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        guard clients.slots[id.index].request.keepAlive, !isLeaving, !hasSentAll(id) else {
            closeClient(id, .graceful, &network)
            return
        }
        endRequest(id, &network)
        clients.slots[id.index].phase = .head
        clients.slots[id.index].stalledBytes = .max
        network.setDeadline(id, at: network.now.adding(milliseconds: table.settings.keepAliveTimeoutMilliseconds))
        if !clients.slots[id.index].input.isEmpty { continuing.append(id) }
        network.resumeReads(id)
    }

    /// The client has gone, in whatever phase: the worker's connection is closed at once so that the engine stops.
    mutating func clientGone(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        noteGone(id, at: network.now)
        closeClient(id, .immediate, &network)
    }

    /// What the request was at ends by its client's wish, and counts as that.
    private mutating func noteGone(_ id: ConnectionID, at now: MonotonicTime) {
        noteAbandoned(id, at: now)
        countAbort(id)
        clients.slots[id.index].hasGone = true
    }

    /// The client has closed its sending side: it has gone, unless it may still read and has all sent that it wanted.
    mutating func clientEnded(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        guard table.settings.halfClose == .allow else {
            clientGone(id, &network)
            return
        }
        let hasWholeRequest: Bool =
            switch clients.slots[id.index].phase {
            case .body: false
            case .head: !clients.slots[id.index].input.isEmpty && network.queuedBytes(id) > queuedBytesMax
            case .spooled, .waiting, .upstream: !clients.slots[id.index].framerIsOpen
            }
        clients.slots[id.index].hasEnded = true
        guard !hasWholeRequest else { return }
        noteGone(id, at: network.now)
        // It may still read the answers that are queued for it.
        closeClient(id, .graceful, &network)
    }

    /// The client has closed its sending side, and everything that it had sent is gone through.
    func hasSentAll(_ id: ConnectionID) -> Bool {
        guard clients.slots[id.index].hasEnded else { return false }
        return !clients.slots[id.index].isConsuming && clients.slots[id.index].input.isEmpty
    }

    /// The client has taken everything that was queued for it.
    mutating func clientDrained(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        if let upstream = clients.slots[id.index].upstream {
            network.resumeReads(upstream)
            if case .client = upstreams.slots[upstream.index].awaits { awaitNextByte(upstream, id, &network) }
        } else if clients.slots[id.index].phase == .head {
            network.resumeReads(id)
            if !clients.slots[id.index].input.isEmpty { continuing.append(id) }
        }
    }

    /// Gives a client connection up, and with it everything that its request holds.
    mutating func closeClient(_ id: ConnectionID, _ mode: CloseMode, _ network: inout some Network & ~Copyable) {
        endRequest(id, &network)
        counters.inputBytes.count(-clients.slots[id.index].input.count)
        clients.remove(at: id.index)
        counters.connections.count(-1)
        network.close(id, mode)
    }

    /// Takes the request out of all counts, exactly once, and frees its buffers.
    private mutating func endRequest(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        if let upstream = clients.slots[id.index].upstream { discardUpstream(upstream, &network) }
        uncount(id)
        dismiss(id)
        leaveWaiting(id)
        discardSpool(id, &network)
        if clients.slots[id.index].isInRequest {
            countEnd(id, at: network.now)
            clients.slots[id.index].isInRequest = false
            counters.inFlight.count(-1)
        }
        clients.slots[id.index].requestDeadline = nil
        clients.slots[id.index].upstream = nil
        clients.slots[id.index].worker = nil
        clients.slots[id.index].request.method = .get
        clients.slots[id.index].localAnswer = nil
        clients.slots[id.index].exchange = Exchange()
        var head = ByteBuffer()
        swap(&head, &clients.slots[id.index].request.head)
        giveBack(head)
        var body = ByteBuffer()
        swap(&body, &clients.slots[id.index].request.body)
        counters.bodyBytes.count(-body.count)
        giveBack(body)
        var tail = ByteBuffer()
        swap(&tail, &clients.slots[id.index].tail)
        giveBack(tail)
        clients.slots[id.index].request.content.clear()
        clients.slots[id.index].request.errorShape = .openAI
    }
}
