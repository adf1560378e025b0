import Synchronization

/// What must hold behind every event, and at the end.
extension EngineRun {
    /// Whose request the connection carries now.
    func assignment(of id: ConnectionID) -> FuzzConnection.Assignment? {
        guard engine.isUpstream(id), let client = engine.upstreams.slots[id.index].client else { return nil }
        return FuzzConnection.Assignment(client: client, number: engine.clients.slots[client.index].served)
    }

    mutating func checkState() {
        var inFlight = 0
        var inputBytes = 0
        var bodyBytes = 0
        var spooledBytes = 0
        var waiting = 0
        var loadOfSlot: [Int: Int] = [:]
        for id in engine.clients.ids(where: { _ in true }) {
            let client = engine.clients.slots[id.index]
            require(network[id].isOpen, "the engine keeps a client that it has closed")
            network[id].requestsBegun = max(network[id].requestsBegun, client.served)
            if client.isInRequest { inFlight += 1 }
            if client.waitingTicket != nil { waiting += 1 }
            if let slot = client.countedSlot { loadOfSlot[slot, default: 0] += 1 }
            inputBytes += client.input.count
            bodyBytes += client.request.body.count
            spooledBytes += client.bodyUse == .spool ? client.request.spool.writtenBytes : 0
            require(network.spools[network.place(id)] == nil || client.bodyUse == .spool, "a file that nobody needs")
            guard let upstream = client.upstream else { continue }
            require(engine.isUpstream(upstream), "a client's connection to its worker is closed")
            require(engine.upstreams.slots[upstream.index].client == id, "client and worker are not one another's")
        }
        var idle = 0
        for id in engine.upstreams.ids(where: { _ in true }) {
            require(network[id].isOpen, "the engine keeps a connection to a worker that it has closed")
            inputBytes += engine.upstreams.slots[id.index].input.count
            guard let client = engine.upstreams.slots[id.index].client else {
                idle += 1
                continue
            }
            require(engine.isClient(client), "a worker works for a client that has gone")
            require(engine.clients.slots[client.index].upstream == id, "worker and client are not one another's")
            if let assignment = assignment(of: id), network[id].assignments.last != assignment {
                network[id].assignments.append(assignment)
                network[id].assignmentStarts.append(network[id].delivered.count)
            }
        }
        require(counters.inFlight.load(ordering: .relaxed) == inFlight, "in flight is not the number of open requests")
        require(counters.connections.load(ordering: .relaxed) == engine.clients.count, "number of connections")
        require(counters.inputBytes.load(ordering: .relaxed) == inputBytes, "bytes of input")
        require(counters.bodyBytes.load(ordering: .relaxed) == bodyBytes, "bytes of bodies")
        require(counters.spooledBytes.load(ordering: .relaxed) == spooledBytes, "bytes of files")
        require(engine.idle.count == idle, "idle connections: \(engine.idle.count), not \(idle)")
        require(engine.waiting.count == waiting, "waiting requests: \(engine.waiting.count), not \(waiting)")
        for client in engine.clients.slots where client.id == .unused {
            let isUntouched =
                !client.isInRequest && client.served == 0 && client.upstream == nil && client.countedSlot == nil
                && client.waitingTicket == nil && client.input.isEmpty && client.request.body.isEmpty
            require(isUntouched, "a client that has gone was changed")
        }
        for upstream in engine.upstreams.slots where upstream.id == .unused {
            let isUntouched =
                upstream.client == nil && upstream.lease == nil && upstream.framer == nil && upstream.input.isEmpty
                && !upstream.isConnected && !upstream.isReused && upstream.interimHeads == 0
            require(isUntouched, "a connection to a worker that was given up was changed")
        }
        for slot in slotsSeen {
            require(shared.loads.inFlight(slot: slot) == loadOfSlot[slot, default: 0], "the load of a worker")
        }
        let open = network.connections.count(where: \.isOpen)
        require(open == engine.clients.count + engine.upstreams.count, "\(open) connections, not all are the engine's")
    }

    // MARK: - The end

    /// All peers go away at once.
    mutating func endByPeers() {
        for connection in network.connections where connection.isOpen && !connection.isUpstream {
            engine.broken(connection.id, &network)
            checkState()
        }
        for connection in network.connections where connection.isOpen {
            engine.broken(connection.id, &network)
            checkState()
        }
    }

    /// Nobody does anything more: the time limits alone must end every request and every connection.
    mutating func endByTime() {
        for _ in 0..<20_000 {
            settle()
            if diskIsBusy {
                answerDisk(fails: false)
            } else if network.connections.contains(where: \.isOpen) {
                guard network.nextDeadline != nil else { finding("hangs without a deadline: \(openConnections)") }
                passNextDeadline()
            } else {
                return
            }
        }
        finding("time alone does not end it: \(openConnections)")
    }

    private var openConnections: String {
        network.connections.filter(\.isOpen).map { connection in
            guard engine.isClient(connection.id) else { return "a worker's" }
            let client = engine.clients.slots[connection.id.index]
            return "a client's (\(client.phase), body \(client.bodyUse), \(client.exchange.phase))"
        }.joined(separator: ", ")
    }

    mutating func checkNothingIsLeft() {
        engine.batchEnded(&network)
        require(counters.inFlight.load(ordering: .relaxed) == 0, "in flight at the end")
        require(counters.connections.load(ordering: .relaxed) == 0, "connections at the end")
        require(counters.bufferBytes == 0, "bytes in buffers at the end: \(counters.bufferBytes)")
        require(counters.spooledBytes.load(ordering: .relaxed) == 0, "bytes in files at the end")
        require(network.spools.isEmpty, "files at the end")
        for slot in slotsSeen { require(shared.loads.inFlight(slot: slot) == 0, "a worker's load at the end") }
    }
}
