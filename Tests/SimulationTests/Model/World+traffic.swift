import DataPlaneCore
import SignalboxProtocol

/// Clients, workers, and the connections between them and the data planes.
extension World {
    static let clientsMax = 12

    /// A client comes, asks, or leaves.
    func stepClient() throws {
        let active = clients.indices.filter { clients[$0].phase != .left }
        if isTroubled, active.count < World.clientsMax, dice.oneIn(3) || active.isEmpty {
            let plane = planes[dice.below(planes.count)]
            let thread = dice.below(2)
            let number = clients.count
            clients.append(ClientModel(number: number, plane: plane.number, thread: thread))
            let proxy = plane.threads[thread]
            let id = proxy.network.open(.client(number), isConnected: true)
            sockets[number] = id
            var bytes = SIMD16<UInt8>(repeating: 0)
            bytes[0] = 10
            proxy.engine.accepted(id, peer: ClientPeer(address: IPAddress(bytes: bytes, isIPv6: false)), &proxy.network)
            return
        }
        guard !active.isEmpty else { return }
        let client = active[dice.below(active.count)]
        guard let proxy = proxy(of: client), let id = sockets[client] else { return }
        if clients[client].phase == .idle, isTroubled {
            proxy.network.connections[id]?.toEngine += clients[client].request(&dice, at: now)
            say("client \(client) asks")
        } else if clients[client].phase == .idle || isTroubled && dice.oneIn(12) {
            // It leaves, in whatever phase.
            say("client \(client) leaves")
            clients[client].phase = .left
            if dice.oneIn(2) {
                proxy.network.connections[id]?.isBroken = true
            } else {
                proxy.network.connections[id]?.peerEnded = true
            }
        }
    }

    func proxy(of client: Int) -> PlaneModel.ProxyThread? {
        planes.first { $0.number == clients[client].plane }?.threads[clients[client].thread]
    }

    /// One connection gets on: bytes arrive on either side, a connection opens, ends or breaks.
    func stepNetwork() throws {
        let plane = planes[dice.below(planes.count)]
        let thread = plane.threads[dice.below(2)]
        try noteAttempts(plane, thread)
        if !thread.network.wakes.isEmpty {
            let wakes = thread.network.wakes
            thread.network.wakes = []
            for other in wakes where other < plane.threads.count {
                let woken = plane.threads[other]
                woken.engine.roomMade(&woken.network)
                woken.engine.batchEnded(&woken.network)
                try noteAttempts(plane, woken)
            }
        }
        guard !thread.network.order.isEmpty else { return }
        let id = thread.network.order[dice.below(thread.network.order.count)]
        guard let connection = thread.network.connections[id] else { return }
        switch connection.peer {
        case .client(let client): try stepClientSide(client, id, connection, thread)
        case .worker(let worker): try stepWorkerSide(worker, id, connection, plane, thread)
        }
        thread.engine.batchEnded(&thread.network)
        try noteAttempts(plane, thread, again: connection.peer.worker)
        finish(id, thread)
    }

    /// Forgets a connection that both sides have given up.
    private func finish(_ id: ConnectionID, _ thread: PlaneModel.ProxyThread) {
        guard let connection = thread.network.connections[id], connection.closed != nil, connection.toPeer.isEmpty
        else {
            return
        }
        if case .client(let client) = connection.peer, clients[client].phase != .left {
            clients[client].closed()
            sockets[client] = nil
        }
        thread.network.remove(id)
    }

    private func stepClientSide(
        _ client: Int,
        _ id: ConnectionID,
        _ connection: SimulatedNetwork.Connection,
        _ thread: PlaneModel.ProxyThread
    ) throws {
        if !connection.toPeer.isEmpty, clients[client].phase != .left {
            thread.network.connections[id]?.toPeer = []
            try clients[client].take(connection.toPeer)
            return
        }
        if clients[client].phase == .left { thread.network.connections[id]?.toPeer = [] }
        guard connection.closed == nil else { return }
        try deliver(id, connection, thread)
    }

    /// Gives the engine the next bytes of a connection, or its end.
    private func deliver(
        _ id: ConnectionID,
        _ connection: SimulatedNetwork.Connection,
        _ thread: PlaneModel.ProxyThread
    ) throws {
        if connection.isBroken {
            guard !connection.isEndReported else { return }
            thread.network.connections[id]?.isEndReported = true
            thread.engine.broken(id, &thread.network)
        } else if !connection.toEngine.isEmpty, !connection.isPaused {
            let count = dice.oneIn(2) ? connection.toEngine.count : 1 + dice.below(connection.toEngine.count)
            let piece = Array(connection.toEngine[..<count])
            thread.network.connections[id]?.toEngine.removeFirst(count)
            thread.engine.received(id, piece.span, &thread.network)
        } else if connection.toEngine.isEmpty, connection.peerEnded, !connection.isEndReported {
            thread.network.connections[id]?.isEndReported = true
            thread.engine.ended(id, &thread.network)
        }
    }

    private func stepWorkerSide(
        _ worker: Int,
        _ id: ConnectionID,
        _ connection: SimulatedNetwork.Connection,
        _ plane: PlaneModel,
        _ thread: PlaneModel.ProxyThread
    ) throws {
        guard connection.closed == nil else {
            thread.network.connections[id]?.toPeer = []
            return
        }
        // Nothing comes of a frozen worker; what it got waits for it.
        if frozen.contains(worker), connection.toEngine.isEmpty, !connection.isBroken, !connection.peerEnded { return }
        guard connection.isConnected else {
            if alive.contains(worker), !connection.isBroken {
                thread.network.connections[id]?.isConnected = true
                thread.engine.connected(id, &thread.network)
            } else {
                thread.network.connections[id]?.isBroken = true
                thread.network.connections[id]?.isEndReported = true
                thread.engine.broken(id, &thread.network)
            }
            return
        }
        if let length = requestLength(connection.toPeer) {
            thread.network.connections[id]?.toPeer.removeFirst(length)
            answer(id, thread)
        } else {
            try deliver(id, connection, thread)
        }
        if plant == .leakedLoad, dice.oneIn(40), let leaked = plane.table.workers.first {
            plane.shared.loads.increment(slot: leaked.lease.slot)
        }
    }

    /// Invariant 3: what is sent to a worker was written for it, whatever table its thread has swapped to meanwhile.
    private func checkHost(_ sent: [UInt8], _ worker: Int) throws {
        let host = "Host: worker-\(worker):8000\r\n"
        guard ClientModel.find(Array(host.utf8), in: sent, from: 0) == nil else { return }
        throw Finding(invariant: 3, message: "worker \(worker) is sent a request that was written for another one")
    }

    /// The bytes of a whole request at the beginning; nil while there is none.
    private func requestLength(_ bytes: [UInt8]) -> Int? {
        guard let end = ClientModel.find([13, 10, 13, 10], in: bytes, from: 0) else { return nil }
        let head = String(decoding: bytes[..<end], as: UTF8.self).lowercased()
        guard let field = head.split(separator: "\r\n").first(where: { $0.hasPrefix("content-length:") }),
            let length = Int(field.dropFirst(15).filter { $0 != " " })
        else { return nil }
        let total = end + 4 + length
        return bytes.count >= total ? total : nil
    }

    /// What a worker does with a request.
    private func answer(_ id: ConnectionID, _ thread: PlaneModel.ProxyThread) {
        func send(_ text: String) { thread.network.connections[id]?.toEngine += Array(text.utf8) }
        switch isTroubled ? dice.below(14) : 0 {
        case 0..<5: send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        case 5..<8:
            send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            for number in 0..<dice.below(5) { send("b\r\ndata: \(number % 10)  \n\n\r\n") }
            // A stream may stand still for ever.
            if !dice.oneIn(5) { send("0\r\n\r\n") }
        case 8: send("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops")
        case 9: send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        case 10: send("this is no answer\r\n\r\n")
        case 11:
            send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
            thread.network.connections[id]?.peerEnded = true
        case 12: thread.network.connections[id]?.isBroken = true
        default: break
        }
    }

    /// Invariant 4: a request is sent to a worker only while the thread's table has it ready, that table is no older than what
    /// was acknowledged, and the worker's breaker is not open.
    ///
    /// - Parameter again: the worker of a connection that has just ended: its request may go there once more on a fresh
    ///   connection, because it is the same attempt, picked by an older table (invariant 3).
    func noteAttempts(_ plane: PlaneModel, _ thread: PlaneModel.ProxyThread, again: Int? = nil) throws {
        let attempts = thread.network.attempts
        thread.network.attempts = []
        for (id, isFresh) in attempts {
            guard let connection = thread.network.connections[id], case .worker(let number) = connection.peer else {
                continue
            }
            try checkHost(connection.toPeer, number)
            if isFresh && number == again { continue }
            let ready = thread.table.workers.first { worker in
                worker.availability == .ready && worker.endpoint.addresses.first.map { Int($0.bytes[3]) } == number
            }
            guard let ready else {
                throw Finding(
                    invariant: 4,
                    message: "a request went to worker \(number), which the table does not have ready"
                )
            }
            if let applied = plane.subscription.applied, let version = thread.table.version,
                version.epoch == applied.epoch, version.sequence < applied.sequence
            {
                throw Finding(
                    invariant: 4,
                    message: "a pick by version \(version.sequence) after \(applied.sequence) was acknowledged"
                )
            }
            if let until = plane.openUntil[ready.lease.slot], until > thread.network.now {
                throw Finding(
                    invariant: 4,
                    message: "a request went to worker \(number), whose breaker is open until \(until.milliseconds)"
                )
            }
        }
        plane.noteBreakers(at: thread.network.now, plant: plant)
    }
}
