import SignalboxProtocol

extension ProxyEngine {
    /// Takes the next bytes of a request's body.
    mutating func consumeBody(
        _ id: ConnectionID,
        _ bytes: borrowing Span<UInt8>,
        _ position: inout Int,
        _ network: inout some Network & ~Copyable
    ) {
        output.clear()
        while isClient(id) {
            let step: ChunkedDecoder.Step
            do throws(HTTPFault) {
                step = try clients.slots[id.index].framer.next(bytes, at: &position, limits: table.limits)
            } catch {
                refuse(id, LocalAnswer(.fault(error)), &network)
                return
            }
            switch step {
            case .needMore where isTooLarge(id):
                refuse(id, LocalAnswer(.payloadTooLarge(table.settings.payloadBytesMax)), &network)
                return
            case .needMore:
                bodyPieceDone(id, &network)
                return
            case .end:
                bodyEnded(id, &network)
                return
            case .data(let range):
                clients.slots[id.index].bodyBytes += range.count
                if isTooLarge(id) {
                    refuse(id, LocalAnswer(.payloadTooLarge(table.settings.payloadBytesMax)), &network)
                    return
                }
                takeBody(id, bytes.extracting(range), &network)
            }
        }
    }

    /// Whether a body is over the limit, with what the present chunk announces.
    private func isTooLarge(_ id: ConnectionID) -> Bool {
        clients.slots[id.index].bodyBytes + clients.slots[id.index].framer.announcedBytes
            > table.settings.payloadBytesMax
    }

    private mutating func takeBody(
        _ id: ConnectionID,
        _ bytes: borrowing Span<UInt8>,
        _ network: inout some Network & ~Copyable
    ) {
        switch clients.slots[id.index].bodyUse {
        case .discard: break
        case .hold:
            if clients.slots[id.index].request.body.capacity == 0 {
                clients.slots[id.index].request.body = takeBuffer()
            }
            clients.slots[id.index].request.body.append(bytes)
            counters.bodyBytes.count(bytes.count)
            clients.slots[id.index].request.content.take(bytes)
        case .stream:
            appendContent(bytes, chunked: clients.slots[id.index].request.framing == .chunked)
        case .spool:
            clients.slots[id.index].request.content.take(bytes)
            spool(id, bytes, &network)
        }
    }

    /// Writes content into `output`, as a chunk of its own where the framing is chunked.
    mutating func appendContent(_ bytes: borrowing Span<UInt8>, chunked: Bool) {
        guard chunked else {
            output.append(bytes)
            return
        }
        output.appendHexadecimal(bytes.count)
        output.append("\r\n")
        output.append(line: bytes)
    }

    /// All bytes that arrived are taken and the body goes on.
    private mutating func bodyPieceDone(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        guard !clients.slots[id.index].hasEnded else {
            closeClient(id, .graceful, &network)
            return
        }
        switch clients.slots[id.index].bodyUse {
        case .discard: armUploadDeadline(id, &network)
        case .hold:
            let held = clients.slots[id.index].request.body.count
            if held > configuration.heldBodyBytesMax {
                holdNoLonger(id, &network)
            } else if held > configuration.smallBodyBytesMax && exceedsBuffers() {
                refuse(id, LocalAnswer(.buffersFull), &network)
            } else {
                armUploadDeadline(id, &network)
            }
        case .stream: streamOn(id, &network)
        case .spool: spoolOn(id, &network)
        }
    }

    /// A body that is too large to be held: it is sent on as it arrives when it is known where to, else it is spooled.
    private mutating func holdNoLonger(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        if let fault = clients.slots[id.index].request.content.refusal {
            refuse(id, LocalAnswer(.fault(fault)), &network)
        } else if table.routesByModel && clients.slots[id.index].request.content.mayNameModel {
            beginSpooling(id, &network)
        } else {
            // The rest is read once a connection to a worker is open.
            clients.slots[id.index].bodyUse = .stream
            network.pauseReads(id)
            setDeadline(id, at: nil, &network)
            dispatch(id, &network)
        }
    }

    /// The connection for a streamed body is open: sends what is held. From here on the request cannot be sent again.
    mutating func beginUpload(
        _ id: ConnectionID,
        _ upstream: ConnectionID,
        _ network: inout some Network & ~Copyable
    ) {
        clients.slots[id.index].exchange.isReplayable = false
        writeRequestHead(id, isStreamed: true)
        let body = clients.slots[id.index].request.body
        appendContent(body.storage.span, chunked: clients.slots[id.index].request.framing == .chunked)
        network.send(output.storage.span, to: upstream)
        output = ByteBuffer()
        clients.slots[id.index].request.body = ByteBuffer()
        counters.bodyBytes.count(-body.count)
        if network.queuedBytes(upstream) > queuedBytesMax {
            waitForUpstream(id, upstream, &network)
        } else {
            goOnUploading(id, upstream, &network)
        }
    }

    private mutating func streamOn(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        guard let upstream = clients.slots[id.index].upstream else { return }
        network.send(output.storage.span, to: upstream)
        if network.queuedBytes(upstream) > queuedBytesMax {
            waitForUpstream(id, upstream, &network)
        } else {
            armUploadDeadline(id, &network)
        }
    }

    private mutating func bodyEnded(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        setDeadline(id, at: nil, &network)
        switch clients.slots[id.index].bodyUse {
        case .hold, .discard: requestComplete(id, &network)
        case .spool: spoolComplete(id, &network)
        case .stream:
            clients.slots[id.index].framer = BodyFramer(.none)
            guard let upstream = clients.slots[id.index].upstream else { return }
            if clients.slots[id.index].request.framing == .chunked { output.append("0\r\n\r\n") }
            network.send(output.storage.span, to: upstream)
            awaitFirstByte(upstream, &network)
        }
    }

    /// The whole request is here: it is answered, refused or sent on.
    mutating func requestComplete(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        clients.slots[id.index].framer = BodyFramer(.none)
        if let answer = clients.slots[id.index].localAnswer {
            respond(id, answer, &network)
            return
        }
        if clients.slots[id.index].bodyBytes > 0 {
            clients.slots[id.index].request.content.finish()
            if let fault = clients.slots[id.index].request.content.refusal {
                refuse(id, LocalAnswer(.fault(fault)), &network)
                return
            }
        }
        dispatch(id, &network)
    }
}
