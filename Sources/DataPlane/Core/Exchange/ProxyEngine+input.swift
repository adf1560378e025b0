import SignalboxProtocol

extension ProxyEngine {
    /// Bytes from a client: heads and bodies of requests, also several in a row.
    mutating func clientReceived(
        _ id: ConnectionID,
        _ bytes: borrowing Span<UInt8>,
        _ network: inout some Network & ~Copyable
    ) {
        guard !clients.slots[id.index].input.isEmpty else {
            consume(id, bytes, &network)
            return
        }
        keep(id, bytes)
        switch clients.slots[id.index].phase {
        case .head, .body: consumeInput(id, &network)
        case .spooled, .waiting, .upstream: holdBack(id, &network)
        }
    }

    /// Goes on with what has arrived before.
    mutating func consumeInput(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        var input = ByteBuffer()
        swap(&input, &clients.slots[id.index].input)
        counters.inputBytes.count(-input.count)
        clients.slots[id.index].isConsuming = true
        consume(id, input.storage.span, &network)
        giveBack(input)
        guard isClient(id) else { return }
        clients.slots[id.index].isConsuming = false
        if clients.slots[id.index].phase == .head && hasSentAll(id) { closeClient(id, .graceful, &network) }
    }

    /// Takes clients further that wait for room at a worker, or have sent a request ahead and whose previous one is done.
    mutating func continueClients(_ network: inout some Network & ~Copyable) {
        if hasFreedRoom { serveWaiting(&network) }
        while let id = continuing.popLast() {
            guard isClient(id), !clients.slots[id.index].input.isEmpty else { continue }
            guard clients.slots[id.index].phase == .head || clients.slots[id.index].framerIsOpen else { continue }
            consumeInput(id, &network)
        }
    }

    /// Consumes as much of `bytes` as the connection's phase allows and keeps the rest.
    private mutating func consume(
        _ id: ConnectionID,
        _ bytes: borrowing Span<UInt8>,
        _ network: inout some Network & ~Copyable
    ) {
        var position = 0
        while position < bytes.count && isClient(id) {
            switch clients.slots[id.index].phase {
            case .head where network.queuedBytes(id) > queuedBytesMax:
                // A client that does not read its answers gets no further ones; `drained` goes on.
                keep(id, bytes.extracting(position..<bytes.count))
                network.pauseReads(id)
                return
            case .head:
                guard consumeHead(id, bytes, &position, &network) else { return }
            case .body:
                consumeBody(id, bytes, &position, &network)
            case .upstream where clients.slots[id.index].framerIsOpen:
                consumeBody(id, bytes, &position, &network)
            case .spooled, .waiting, .upstream:
                keep(id, bytes.extracting(position..<bytes.count))
                holdBack(id, &network)
                return
            }
        }
    }

    /// Keeps bytes that cannot be consumed yet.
    private mutating func keep(_ id: ConnectionID, _ bytes: borrowing Span<UInt8>) {
        if clients.slots[id.index].input.capacity == 0 { clients.slots[id.index].input = takeBuffer() }
        clients.slots[id.index].input.append(bytes)
        counters.inputBytes.count(bytes.count)
    }

    /// A client that sends far ahead is not read any more until its current request is done.
    private mutating func holdBack(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        if clients.slots[id.index].input.count >= table.limits.headBytesMax || exceedsBuffers() {
            network.pauseReads(id)
        }
    }

    /// Reads a head, if it is whole. False: everything was kept or the connection is given up.
    private mutating func consumeHead(
        _ id: ConnectionID,
        _ bytes: borrowing Span<UInt8>,
        _ position: inout Int,
        _ network: inout some Network & ~Copyable
    ) -> Bool {
        do throws(HTTPFault) {
            try skipEmptyLines(id, bytes, &position)
            guard position < bytes.count else { return false }
            let rest = bytes.extracting(position..<bytes.count)
            guard let length = try clients.slots[id.index].headEnd.find(in: rest) else {
                try checkUnfinishedHead(id, rest)
                keepUnfinishedHead(id, rest, &network)
                return false
            }
            guard length <= table.limits.headBytesMax else {
                throw HTTPFault(431, "The request's head is too long (--max-head-bytes).")
            }
            let head = try RequestHead.parse(rest.extracting(0..<length), into: &fields, limits: table.limits)
            position += length
            clients.slots[id.index].headEnd = HeadEnd()
            clients.slots[id.index].checkedFirstLine = false
            beginRequest(id, head, rest.extracting(0..<length), &network)
            return true
        } catch {
            refuse(id, LocalAnswer(.fault(error)), &network)
            return false
        }
    }

    /// The time limit counts from the head's first byte, so that a client that drips gains nothing.
    private mutating func keepUnfinishedHead(
        _ id: ConnectionID,
        _ bytes: borrowing Span<UInt8>,
        _ network: inout some Network & ~Copyable
    ) {
        guard !clients.slots[id.index].hasEnded else {
            closeClient(id, .graceful, &network)
            return
        }
        guard !exceedsBuffers(adding: bytes.count) else {
            refuse(id, LocalAnswer(.buffersFull), &network)
            return
        }
        keep(id, bytes)
        guard !clients.slots[id.index].isHeadTimed else { return }
        clients.slots[id.index].isHeadTimed = true
        network.setDeadline(id, at: network.now.adding(milliseconds: table.settings.headTimeoutMilliseconds))
    }

    /// At least one empty line before a request is ignored (RFC 9112 section 2.2), and not many more.
    private mutating func skipEmptyLines(
        _ id: ConnectionID,
        _ bytes: borrowing Span<UInt8>,
        _ position: inout Int
    ) throws(HTTPFault) {
        while bytes.hasLineEnd(at: position) {
            clients.slots[id.index].emptyLines += 1
            guard clients.slots[id.index].emptyLines <= configuration.emptyLinesMax else {
                throw HTTPFault(400, "There are too many empty lines before the request.")
            }
            position += 2
        }
    }

    /// Refuses a head that can never become valid before all of it has arrived.
    private mutating func checkUnfinishedHead(_ id: ConnectionID, _ bytes: borrowing Span<UInt8>) throws(HTTPFault) {
        let limits = table.limits
        guard bytes.count <= limits.headBytesMax else {
            throw HTTPFault(431, "The request's head is too long (--max-head-bytes).")
        }
        guard let lineEnd = clients.slots[id.index].headEnd.firstLineEnd else {
            // Its CR may have come without its LF.
            let hasReturn = bytes.count > 0 && bytes[bytes.count - 1] == ASCII.carriageReturn
            guard bytes.count - (hasReturn ? 1 : 0) <= limits.requestLineBytesMax else {
                throw HTTPFault(414, "The request line is too long (--max-request-line-bytes).")
            }
            return
        }
        guard !clients.slots[id.index].checkedFirstLine else { return }
        _ = try RequestHead(requestLine: 0..<lineEnd, of: bytes, limits: limits)
        clients.slots[id.index].checkedFirstLine = true
    }
}
