extension ProxyEngine {
    /// Bytes from a worker: response heads and bodies.
    mutating func upstreamReceived(
        _ id: ConnectionID,
        _ bytes: borrowing Span<UInt8>,
        _ network: inout some Network & ~Copyable
    ) {
        guard let client = upstreams.slots[id.index].client else {
            // Nobody asked: whatever follows on this connection would answer the wrong request.
            dropIdle(id, &network)
            return
        }
        if let slot = upstreams.slots[id.index].lease?.slot { loads.noteHeard(slot: slot, at: network.now) }
        clients.slots[client.index].exchange.answerBegan()
        output.clear()
        if upstreams.slots[id.index].framer != nil {
            relay(id, client, bytes, from: 0, &network)
            return
        }
        guard upstreams.slots[id.index].input.isEmpty else {
            var input = ByteBuffer()
            swap(&input, &upstreams.slots[id.index].input)
            counters.inputBytes.count(-input.count)
            input.append(bytes)
            readHeads(id, client, input.storage.span, &network)
            giveBack(input)
            return
        }
        readHeads(id, client, bytes, &network)
    }

    /// Reads interim heads and the final one, and then the body.
    private mutating func readHeads(
        _ id: ConnectionID,
        _ client: ConnectionID,
        _ bytes: borrowing Span<UInt8>,
        _ network: inout some Network & ~Copyable
    ) {
        var position = 0
        while true {
            let rest = bytes.extracting(position..<bytes.count)
            do throws(HTTPFault) {
                guard let length = try upstreams.slots[id.index].headEnd.find(in: rest) else {
                    guard rest.count <= table.limits.headBytesMax else {
                        throw HTTPFault(502, "The worker's response head is too long.")
                    }
                    guard !exceedsBuffers(adding: rest.count) else {
                        throw HTTPFault(502, "The worker's response head cannot be kept: the buffers are full.")
                    }
                    upstreams.slots[id.index].input.append(rest)
                    counters.inputBytes.count(rest.count)
                    return
                }
                guard length <= table.limits.headBytesMax else {
                    throw HTTPFault(502, "The worker's response head is too long.")
                }
                let headBytes = rest.extracting(0..<length)
                let head = try ResponseHead.parse(
                    headBytes,
                    into: &fields,
                    isAnswerToHead: clients.slots[client.index].request.method == .head,
                    limits: table.limits
                )
                position += length
                upstreams.slots[id.index].headEnd = HeadEnd()
                if head.isInterim {
                    try takeInterim(id, head)
                    continue
                }
                if head.status >= 400 {
                    noteStatus(client, head.status, at: network.now)
                    let retryAfter = fields.retryAfterSeconds(in: headBytes)
                    noteWish(client, status: head.status, retryAfter: retryAfter, at: network.now)
                    if retry(client, status: head.status, retryAfter: retryAfter, &network) { return }
                }
                beginRelay(id, client, head, headBytes, dateLine: network.dateLine, at: network.now)
            } catch {
                lose(id, client, .invalidAnswer, &network)
                return
            }
            relay(id, client, bytes, from: position, &network)
            return
        }
    }

    /// Interim responses end here: the client's `Expect` was met by the proxy, and nothing else was asked for.
    private mutating func takeInterim(_ id: ConnectionID, _ head: ResponseHead) throws(HTTPFault) {
        upstreams.slots[id.index].interimHeads += 1
        guard head.status != 101, upstreams.slots[id.index].interimHeads <= configuration.interimHeadsMax else {
            throw HTTPFault(502, "The worker sent interim responses that nobody asked for.")
        }
    }

    /// The worker has taken everything that was queued for it: an upload goes on.
    mutating func upstreamDrained(
        _ id: ConnectionID,
        _ client: ConnectionID,
        _ network: inout some Network & ~Copyable
    ) {
        if clients.slots[client.index].bodyUse == .spool {
            readOnFromSpool(client, id, &network)
        } else if clients.slots[client.index].framerIsOpen {
            goOnUploading(client, id, &network)
        }
    }

    /// The worker has taken what it got of an upload: nothing is waited for, unless its answer has begun already.
    mutating func awaitNothingOfAnswerYet(
        _ upstream: ConnectionID,
        _ client: ConnectionID,
        _ network: inout some Network & ~Copyable
    ) {
        if clients.slots[client.index].exchange.phase == .relaying {
            keepAnswerTimed(upstream, client, &network)
        } else {
            wait(for: .nothing, 0, on: upstream, &network)
        }
    }

    /// The worker has taken everything: the client is read again, and its time runs again.
    mutating func goOnUploading(
        _ id: ConnectionID,
        _ upstream: ConnectionID,
        _ network: inout some Network & ~Copyable
    ) {
        awaitNothingOfAnswerYet(upstream, id, &network)
        network.resumeReads(id)
        if !clients.slots[id.index].input.isEmpty { continuing.append(id) }
        armUploadDeadline(id, &network)
    }

    // MARK: - Giving up connections

    mutating func dropIdle(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        if let lease = upstreams.slots[id.index].lease { idle.remove(id, lease) }
        discardUpstream(id, &network)
    }

    mutating func discardUpstream(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        guard isUpstream(id) else { return }
        counters.inputBytes.count(-upstreams.slots[id.index].input.count)
        upstreams.remove(at: id.index)
        network.close(id, .immediate)
    }
}
