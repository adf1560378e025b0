/// What peers, kernel, disk, clock and control plane do.
extension EngineRun {
    mutating func accept() {
        guard network.connections.count(where: { $0.isOpen && !$0.isUpstream }) < EngineRun.clientsMax else { return }
        let id = network.open(address: nil)
        var bytes = SIMD16<UInt8>(repeating: 0)
        bytes[0] = 127
        bytes[3] = 1
        engine.accepted(id, peer: ClientPeer(address: IPAddress(bytes: bytes, isIPv6: false)), &network)
    }

    /// A client sends a message of its own number.
    mutating func write(_ template: String, _ id: ConnectionID) {
        guard !network[id].hasEnded else { return }
        messages += 1
        network[id].incoming += Array(numbered(template).utf8)
    }

    /// A worker sends an answer, or a part of one.
    mutating func answer(_ template: String, _ id: ConnectionID) {
        guard !network[id].hasEnded else { return }
        messages += 1
        if template.contains("%N") {
            let start = network[id].delivered.count + network[id].incoming.count
            network[id].answers.append(.init(mark: numbered("%N"), start: start))
        }
        network[id].incoming += Array(numbered(template).utf8)
    }

    private func numbered(_ template: String) -> String {
        // Eight digits that an input is not likely to have by itself.
        let digits = String((messages &* 2_654_435_761) | 0x8000_0000, radix: 16)
        return template.replacing("%N", with: digits)
    }

    /// The connection to a worker opens.
    mutating func open(_ id: ConnectionID) {
        guard !network[id].isConnected else { return }
        network[id].isConnected = true
        let isBlocked = network[id].isBlocked
        if !isBlocked && network[id].queuedBytes > 0 { network[id].queuedBytes = 0 }
        engine.connected(id, &network)
        if network[id].isOpen && !isBlocked { engine.drained(id, &network) }
    }

    /// The kernel takes bytes; with all of them the peer takes everything again.
    mutating func take(_ id: ConnectionID, bytes: Int) {
        guard network[id].isConnected else { return }
        if bytes == .max { network[id].isBlocked = false }
        guard network[id].queuedBytes > 0 else { return }
        network[id].queuedBytes -= min(bytes, network[id].queuedBytes)
        if network[id].queuedBytes == 0 { engine.drained(id, &network) }
    }

    // MARK: - Delivery

    /// Delivers everything that may be delivered, and checks the engine behind each event.
    mutating func settle() {
        checkState()
        var place = 0
        while place < network.connections.count {
            let id = network.connections[place].id
            place += 1
            guard deliverNext(id) else { continue }
            checkState()
            place = 0
        }
    }

    /// Delivers the next thing that a connection has for the engine; false when there is none.
    private mutating func deliverNext(_ id: ConnectionID) -> Bool {
        guard network[id].isOpen, network[id].isConnected else { return false }
        if network[id].isPaused {
            guard network[id].hasEnded, !network[id].isHangUpDelivered, !network[id].isEndDelivered else {
                return false
            }
            network[id].isHangUpDelivered = true
            engine.hungUp(id, &network)
        } else if !network[id].incoming.isEmpty {
            deliverPiece(id)
        } else if network[id].hasEnded && !network[id].isEndDelivered {
            network[id].isEndDelivered = true
            engine.ended(id, &network)
        } else {
            return false
        }
        return true
    }

    /// Delivers one piece, also to an engine that has just asked for a pause.
    mutating func deliverPiece(_ id: ConnectionID) {
        guard !network[id].incoming.isEmpty, network[id].isConnected else { return }
        let count = pieces.end(after: 0, of: network[id].incoming.count)
        let piece = Array(network[id].incoming[..<count])
        let start = network[id].delivered.count
        for index in network[id].answers.indices where (start..<start + count) ~= network[id].answers[index].start {
            network[id].answers[index].assignment = assignment(of: id)
        }
        network[id].delivered += piece
        network[id].incoming.removeFirst(count)
        engine.received(id, piece.span, &network)
    }

    /// The disk says the next thing that it has to say.
    mutating func answerDisk(fails: Bool) {
        let busy = network.spools.filter { !$0.value.unconfirmed.isEmpty || $0.value.wanted != nil }
        guard let (place, waiting) = busy.min(by: { $0.key < $1.key }) else { return }
        var spool = waiting
        let id = network.connections[place].id
        if fails {
            spool.unconfirmed = []
            spool.wanted = nil
            network.spools[place] = spool
            engine.spoolFailed(id, &network)
        } else if !spool.unconfirmed.isEmpty {
            let bytes = spool.unconfirmed.removeFirst()
            network.spools[place] = spool
            engine.spoolWritten(id, bytes: bytes, &network)
        } else if let wanted = spool.wanted {
            spool.wanted = nil
            network.spools[place] = spool
            engine.spoolRead(id, spool.bytes.span.extracting(wanted), &network)
        }
    }

    /// Whether the disk has something to say.
    var diskIsBusy: Bool {
        network.spools.values.contains { !$0.unconfirmed.isEmpty || $0.wanted != nil }
    }

    // MARK: - Time

    mutating func elapse(milliseconds: Int) {
        let end = network.now.adding(milliseconds: milliseconds)
        while let (id, deadline) = network.nextDeadline, deadline <= end { pass(id, deadline) }
        network.now = max(network.now, end)
    }

    mutating func passNextDeadline() {
        if let (id, deadline) = network.nextDeadline { pass(id, deadline) }
    }

    private mutating func pass(_ id: ConnectionID, _ deadline: MonotonicTime) {
        network.now = max(network.now, deadline)
        network[id].deadline = nil
        engine.deadlinePassed(id, &network)
        checkState()
    }
}
