import SignalboxProtocol

/// The way of an answer from a worker to its client.
extension ProxyEngine {
    /// Writes the client's head for a worker's response.
    mutating func beginRelay(
        _ id: ConnectionID,
        _ client: ConnectionID,
        _ head: ResponseHead,
        _ bytes: borrowing Span<UInt8>,
        dateLine: borrowing ByteBuffer,
        at now: MonotonicTime
    ) {
        clients.slots[client.index].exchange.relayBegan()
        clients.slots[client.index].request.answerStatus = head.status
        if clients.slots[client.index].framerIsOpen { clients.slots[client.index].request.keepAlive = false }
        let minorVersion = clients.slots[client.index].request.minorVersion
        let isUnframed = head.framing == .chunked || head.framing == .untilClose
        if isLeaving || isUnframed && minorVersion == 0 { clients.slots[client.index].request.keepAlive = false }
        clients.slots[client.index].chunksAnswer = isUnframed && minorVersion == 1
        clients.slots[client.index].events = EventBoundary()
        clients.slots[client.index].mayInsertEvent = head.isEventStream && !head.isContentEncoded && isUnframed
        clients.slots[client.index].notes.headAt = now
        clients.slots[client.index].notes.tellsUsage =
            clients.slots[client.index].request.metricsRoute.isInference && (200..<300).contains(head.status)
            && !head.isContentEncoded
        upstreams.slots[id.index].framer = BodyFramer(head.framing)
        upstreams.slots[id.index].mayReuse = head.keepAlive

        output.append("HTTP/1.1 ")
        if head.statusRange.count == 3 {
            // The space before the reason is there even without one (RFC 9112 section 4).
            output.append(bytes.extracting(head.statusRange))
            output.append(" \r\n")
        } else {
            output.append(line: bytes.extracting(head.statusRange))
        }
        let namesRequest = namesRequestInAnswer(client)
        for field in fields.fields where !field.name.isHopByHop && !fields.isNominated(field, in: bytes) {
            if namesRequest && field.name == .requestID { continue }
            output.append(line: bytes.extracting(field.lineRange))
        }
        if !head.hasDate { output.append(dateLine) }
        if namesRequest {
            let held = clients.slots[client.index].request.head
            output.append(held.storage.span.extracting(clients.slots[client.index].request.idLine))
        }
        appendDiagnostics(client, at: now)
        if let length = head.framing.length ?? head.lengthWithoutBody {
            output.append("Content-Length: ")
            output.appendDecimal(length)
            output.append("\r\n")
        } else if clients.slots[client.index].chunksAnswer {
            output.append("Transfer-Encoding: chunked\r\n")
        }
        if !clients.slots[client.index].request.keepAlive {
            output.append("Connection: close\r\n")
        } else if minorVersion == 0 {
            output.append("Connection: keep-alive\r\n")
        }
        output.append("\r\n")
    }

    /// Passes content on, one chunk for one chunk and without delay; `output` may hold the head already.
    mutating func relay(
        _ id: ConnectionID,
        _ client: ConnectionID,
        _ bytes: borrowing Span<UInt8>,
        from start: Int,
        _ network: inout some Network & ~Copyable
    ) {
        guard var framer = upstreams.slots[id.index].framer else { return }
        let chunked = clients.slots[client.index].chunksAnswer
        var position = start
        var hasContent = false
        // The content that is not known to be followed by more.
        var last = 0..<0
        while true {
            let step: ChunkedDecoder.Step
            do throws(HTTPFault) {
                step = try framer.next(bytes, at: &position, limits: table.limits)
            } catch {
                network.send(output.storage.span, to: client)
                lose(id, client, .invalidAnswer, &network)
                return
            }
            switch step {
            case .data(let range):
                hasContent = true
                if !last.isEmpty { keepTail(client, bytes, last) }
                last = range
                clients.slots[client.index].notes.answerBytes += range.count
                if clients.slots[client.index].work != nil {
                    settleWork(client, at: network.now, isStream: clients.slots[client.index].mayInsertEvent)
                }
                if clients.slots[client.index].mayInsertEvent {
                    clients.slots[client.index].events.take(bytes, range)
                    countContent(client, isFirst: !upstreams.slots[id.index].hasContent, at: network.now)
                }
                upstreams.slots[id.index].hasContent = true
                if chunked || range.count <= 16 * 1024 {
                    appendContent(bytes.extracting(range), chunked: chunked)
                } else {
                    network.send(output.storage.span, bytes.extracting(range), to: client)
                    output.clear()
                }
            case .needMore:
                if !last.isEmpty { keepTail(client, bytes, last) }
                upstreams.slots[id.index].framer = framer
                network.send(output.storage.span, to: client)
                if network.queuedBytes(client) > queuedBytesMax {
                    awaitClient(id, client, &network)
                } else if hasContent {
                    awaitNextByte(id, client, &network)
                }
                return
            case .end:
                readUsage(client, bytes, last: last)
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
        noteSuccess(client, at: network.now)
        clients.slots[client.index].request.hasWholeAnswer = true
        // A worker that may still wait for a part of this request would take the next one for it.
        let requestIsWhole = clients.slots[client.index].isUploadComplete && network.queuedBytes(id) == 0
        clients.slots[client.index].upstream = nil
        upstreams.slots[id.index].client = nil
        if upstreams.slots[id.index].mayReuse && !hasExtraBytes && requestIsWhole && !network.hasUnread(id) {
            returnToPool(id, &network)
        } else {
            discardUpstream(id, &network)
        }
        finish(client, &network)
    }

    private mutating func returnToPool(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        upstreams.slots[id.index].reset()
        upstreams.slots[id.index].isReused = true
        guard let lease = upstreams.slots[id.index].lease,
            idle.put(id, lease, limit: configuration.idleUpstreamsMax)
        else {
            discardUpstream(id, &network)
            return
        }
        network.resumeReads(id)
        wait(for: .reuse, configuration.idleUpstreamMilliseconds, on: id, &network)
    }
}
