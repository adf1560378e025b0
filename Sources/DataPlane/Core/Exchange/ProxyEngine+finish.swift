import SignalboxProtocol
import Synchronization

extension ProxyEngine {
    /// The request has got its complete answer: the connection goes on to the next one, or closes.
    mutating func finish(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        guard clients[id.index].request.keepAlive, !isDraining else {
            closeClient(id, .graceful, &network)
            return
        }
        endRequest(id, &network)
        clients[id.index].phase = .head
        network.setDeadline(id, at: network.now.adding(milliseconds: table.settings.keepAliveTimeoutMilliseconds))
        if !clients[id.index].input.isEmpty { continuing.append(id) }
        network.resumeReads(id)
    }

    /// The client has gone, in whatever phase: the worker's connection is closed at once so that the engine stops.
    mutating func clientGone(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        closeClient(id, .immediate, &network)
    }

    mutating func clientDeadlinePassed(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        switch clients[id.index].phase {
        case .head where network.queuedBytes(id) > 0:
            // It still reads its last answer; its keep-alive time begins when it has.
            network.setDeadline(id, at: network.now.adding(milliseconds: table.settings.keepAliveTimeoutMilliseconds))
        case .head where clients[id.index].input.isEmpty: closeClient(id, .graceful, &network)
        case .head: refuse(id, .timeout("The request's head did not arrive in time."), &network)
        case .body: refuse(id, .timeout("The request's body stopped arriving."), &network)
        case .waiting:
            waiting.removeAll { $0 == id }
            refuse(id, .noReadyWorker(), &network)
        case .upstream: refuse(id, .timeout("The request's body stopped arriving."), &network)
        }
    }

    /// Gives a client connection up, and with it everything that its request holds.
    mutating func closeClient(_ id: ConnectionID, _ mode: CloseMode, _ network: inout some Network & ~Copyable) {
        if clients[id.index].phase == .waiting { waiting.removeAll { $0 == id } }
        endRequest(id, &network)
        clients.remove(at: id.index)
        counters.connections.subtract(1, ordering: .relaxed)
        network.close(id, mode)
    }

    /// Takes the request out of all counts, exactly once, and frees its buffers.
    private mutating func endRequest(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        if let upstream = clients[id.index].upstream { discardUpstream(upstream, &network) }
        uncount(id)
        if clients[id.index].isInRequest {
            clients[id.index].isInRequest = false
            counters.inFlight.subtract(1, ordering: .relaxed)
        }
        clients[id.index].upstream = nil
        clients[id.index].worker = nil
        clients[id.index].request.method = .get
        clients[id.index].localAnswer = nil
        clients[id.index].exchange = Exchange()
        var head = ByteBuffer()
        swap(&head, &clients[id.index].request.head)
        giveBack(head)
        var body = ByteBuffer()
        swap(&body, &clients[id.index].request.body)
        giveBack(body)
    }

    /// The one place where a request stops to be in flight on a worker.
    mutating func uncount(_ id: ConnectionID) {
        guard let slot = clients[id.index].countedSlot else { return }
        clients[id.index].countedSlot = nil
        loads.decrement(slot: slot)
    }
}
