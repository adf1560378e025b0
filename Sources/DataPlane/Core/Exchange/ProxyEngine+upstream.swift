extension ProxyEngine {
    /// Bytes from a worker: response heads and bodies.
    mutating func upstreamReceived(
        _ id: ConnectionID,
        _ bytes: borrowing Span<UInt8>,
        _ network: inout some Network & ~Copyable
    ) {
        guard let client = upstreams[id.index].client else {
            // Nobody asked: whatever follows on this connection would answer the wrong request.
            dropIdle(id, &network)
            return
        }
        clients[client.index].exchange.answerBegan()
        output.clear()
        if upstreams[id.index].framer != nil {
            relay(id, client, bytes, from: 0, &network)
            return
        }
        guard upstreams[id.index].input.isEmpty else {
            var input = ByteBuffer()
            swap(&input, &upstreams[id.index].input)
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
                guard let length = try upstreams[id.index].headEnd.find(in: rest) else {
                    guard rest.count <= configuration.limits.headBytesMax else {
                        throw HTTPFault(502, "The worker's response head is too long.")
                    }
                    upstreams[id.index].input.append(rest)
                    return
                }
                guard length <= configuration.limits.headBytesMax else {
                    throw HTTPFault(502, "The worker's response head is too long.")
                }
                let headBytes = rest.extracting(0..<length)
                let head = try ResponseHead.parse(
                    headBytes,
                    into: &fields,
                    isAnswerToHead: clients[client.index].request.method == .head,
                    limits: configuration.limits
                )
                position += length
                upstreams[id.index].headEnd = HeadEnd()
                if head.isInterim {
                    try takeInterim(id, head)
                    continue
                }
                beginRelay(id, client, head, headBytes)
            } catch {
                upstreamEnded(id, cleanly: false, &network)
                return
            }
            relay(id, client, bytes, from: position, &network)
            return
        }
    }

    /// Interim responses end here: the client's `Expect` was met by the proxy, and nothing else was asked for.
    private mutating func takeInterim(_ id: ConnectionID, _ head: ResponseHead) throws(HTTPFault) {
        upstreams[id.index].interimHeads += 1
        guard head.status != 101, upstreams[id.index].interimHeads <= configuration.interimHeadsMax else {
            throw HTTPFault(502, "The worker sent interim responses that nobody asked for.")
        }
    }

    /// Writes the client's head for a worker's response.
    private mutating func beginRelay(
        _ id: ConnectionID,
        _ client: ConnectionID,
        _ head: ResponseHead,
        _ bytes: borrowing Span<UInt8>
    ) {
        clients[client.index].exchange.relayBegan()
        if clients[client.index].framerIsOpen { clients[client.index].request.keepAlive = false }
        let minorVersion = clients[client.index].request.minorVersion
        let isUnframed = head.framing == .chunked || head.framing == .untilClose
        if isDraining || isUnframed && minorVersion == 0 { clients[client.index].request.keepAlive = false }
        clients[client.index].chunksAnswer = isUnframed && minorVersion == 1
        clients[client.index].events = EventBoundary()
        clients[client.index].mayInsertEvent = head.isEventStream && !head.isContentEncoded && isUnframed
        upstreams[id.index].framer = BodyFramer(head.framing)
        upstreams[id.index].mayReuse = head.keepAlive

        output.append("HTTP/1.1 ")
        output.append(bytes.extracting(head.statusRange))
        output.append("\r\n")
        for field in fields.fields where !field.name.isHopByHop && !fields.isNominated(field, in: bytes) {
            output.append(bytes.extracting(field.lineRange))
            output.append("\r\n")
        }
        if case .length(let length) = head.framing {
            output.append("Content-Length: ")
            output.appendDecimal(length)
            output.append("\r\n")
        } else if clients[client.index].chunksAnswer {
            output.append("Transfer-Encoding: chunked\r\n")
        }
        if !clients[client.index].request.keepAlive {
            output.append("Connection: close\r\n")
        } else if minorVersion == 0 {
            output.append("Connection: keep-alive\r\n")
        }
        output.append("\r\n")
    }

    /// Passes content on, one chunk for one chunk and without delay; `output` may hold the head already.
    private mutating func relay(
        _ id: ConnectionID,
        _ client: ConnectionID,
        _ bytes: borrowing Span<UInt8>,
        from start: Int,
        _ network: inout some Network & ~Copyable
    ) {
        guard var framer = upstreams[id.index].framer else { return }
        let chunked = clients[client.index].chunksAnswer
        var position = start
        while true {
            let step: ChunkedDecoder.Step
            do throws(HTTPFault) {
                step = try framer.next(bytes, at: &position, limits: configuration.limits)
            } catch {
                network.send(output.storage.span, to: client)
                upstreamEnded(id, cleanly: false, &network)
                return
            }
            switch step {
            case .data(let range):
                if clients[client.index].mayInsertEvent { clients[client.index].events.take(bytes, range) }
                if chunked || range.count <= 16 * 1024 {
                    appendContent(bytes.extracting(range), chunked: chunked)
                } else {
                    network.send(output.storage.span, bytes.extracting(range), to: client)
                    output.clear()
                }
            case .needMore:
                upstreams[id.index].framer = framer
                network.send(output.storage.span, to: client)
                if network.queuedBytes(client) > configuration.queuedBytesMax { network.pauseReads(id) }
                return
            case .end:
                if chunked { output.append("0\r\n\r\n") }
                network.send(output.storage.span, to: client)
                answerComplete(id, client, hasExtraBytes: position < bytes.count, &network)
                return
            }
        }
    }

    /// The whole answer has been passed on.
    mutating func answerComplete(
        _ id: ConnectionID,
        _ client: ConnectionID,
        hasExtraBytes: Bool,
        _ network: inout some Network & ~Copyable
    ) {
        let requestIsWhole = !clients[client.index].framerIsOpen
        clients[client.index].upstream = nil
        upstreams[id.index].client = nil
        if upstreams[id.index].mayReuse && !hasExtraBytes && requestIsWhole {
            returnToPool(id, &network)
        } else {
            discardUpstream(id, &network)
        }
        finish(client, &network)
    }

    private mutating func returnToPool(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        upstreams[id.index].reset()
        upstreams[id.index].isReused = true
        guard let lease = upstreams[id.index].lease,
            idle.put(id, lease, limit: configuration.idleUpstreamsMax)
        else {
            discardUpstream(id, &network)
            return
        }
        network.resumeReads(id)
        network.setDeadline(id, at: network.now.adding(milliseconds: configuration.idleUpstreamMilliseconds))
    }

    /// The worker has closed its side, or the connection broke.
    mutating func upstreamEnded(_ id: ConnectionID, cleanly: Bool, _ network: inout some Network & ~Copyable) {
        guard let client = upstreams[id.index].client else {
            dropIdle(id, &network)
            return
        }
        if cleanly, let framer = upstreams[id.index].framer, framer.endsWithConnection {
            output.clear()
            if clients[client.index].chunksAnswer { output.append("0\r\n\r\n") }
            network.send(output.storage.span, to: client)
            upstreams[id.index].mayReuse = false
            answerComplete(id, client, hasExtraBytes: false, &network)
            return
        }
        let cause: Exchange.LossCause = upstreams[id.index].isConnected ? .closed : .notConnected
        lose(id, client, cause, &network)
    }

    mutating func upstreamDeadlinePassed(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        guard let client = upstreams[id.index].client else {
            dropIdle(id, &network)
            return
        }
        guard upstreams[id.index].isConnected else {
            lose(id, client, .connectTimeout, &network)
            return
        }
        let queued = network.queuedBytes(id)
        guard let stalled = upstreams[id.index].stalledBytes else { return }
        if queued < stalled {
            upstreams[id.index].stalledBytes = queued
            armStallDeadline(id, &network)
        } else {
            lose(id, client, .stalled, &network)
        }
    }

    /// An attempt has failed: carries out what the exchange decides.
    private mutating func lose(
        _ id: ConnectionID,
        _ client: ConnectionID,
        _ cause: Exchange.LossCause,
        _ network: inout some Network & ~Copyable
    ) {
        discardUpstream(id, &network)
        clients[client.index].upstream = nil
        switch clients[client.index].exchange.lost(cause) {
        case .retryFresh: retryHere(client, &network)
        case .retryElsewhere: retryElsewhere(client, cause, &network)
        case .answer(let status):
            let isAdmin = clients[client.index].request.route == .admin
            refuse(client, isAdmin ? .controlPlaneUnreachable() : .lostWorker(status), &network)
        case .abort: abort(client, &network)
        }
    }

    /// Once more to the same worker, if the present table still has it ready; else as the present table says.
    private mutating func retryHere(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        let lease = clients[id.index].worker?.worker.lease
        if table.workers.contains(where: { $0.lease == lease && $0.availability == .ready }) {
            send(id, fresh: true, &network)
        } else {
            uncount(id)
            dispatch(id, &network)
        }
    }

    /// The next address of the same worker, else another worker.
    private mutating func retryElsewhere(
        _ id: ConnectionID,
        _ cause: Exchange.LossCause,
        _ network: inout some Network & ~Copyable
    ) {
        guard let worker = clients[id.index].worker else {
            refuse(id, .controlPlaneUnreachable(), &network)
            return
        }
        if worker.address + 1 < worker.worker.addresses.count {
            clients[id.index].worker?.address += 1
            retryHere(id, &network)
            return
        }
        let failed = worker.worker.lease
        clients[id.index].excludedWorker = table.workers.firstIndex { $0.lease == failed }
        uncount(id)
        dispatch(id, &network)
    }

    /// The client must see that its answer is not whole: an event that says so where the stream allows one, and then
    /// an end that no parser takes for a complete message.
    private mutating func abort(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        let client = clients[id.index]
        let insertsEvent = client.mayInsertEvent && client.events.isBetweenEvents
        if insertsEvent {
            output.clear()
            let event = ProxyEngine.lostWorkerEvent
            appendContent(event.storage.span, chunked: client.chunksAnswer)
            network.send(output.storage.span, to: id)
        }
        let endIsVisible = client.chunksAnswer || client.request.minorVersion == 1 || insertsEvent
        closeClient(id, endIsVisible ? .graceful : .reset, &network)
    }

    private static let lostWorkerEvent = ByteBuffer(
        """
        data: {"error":{"message":"The worker's connection was lost in the middle of its answer.",\
        "type":"upstream_error","param":null,"code":"worker_failed"}}\n\n
        """ as StaticString
    )

    // MARK: - Giving up connections

    private mutating func dropIdle(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        if let lease = upstreams[id.index].lease { idle.remove(id, lease) }
        discardUpstream(id, &network)
    }

    mutating func discardUpstream(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        guard isUpstream(id) else { return }
        upstreams.remove(at: id.index)
        network.close(id, .immediate)
    }
}
