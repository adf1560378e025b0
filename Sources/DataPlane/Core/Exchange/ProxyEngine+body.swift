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
                step = try clients[id.index].framer.next(bytes, at: &position, limits: configuration.limits)
            } catch {
                refuse(id, .fault(error), &network)
                return
            }
            switch step {
            case .needMore:
                bodyPieceDone(id, &network)
                return
            case .end:
                bodyEnded(id, &network)
                return
            case .data(let range):
                clients[id.index].bodyBytes += range.count
                if clients[id.index].bodyBytes > table.settings.payloadBytesMax {
                    refuse(id, .payloadTooLarge(table.settings.payloadBytesMax), &network)
                    return
                }
                takeBody(id, bytes.extracting(range))
            }
        }
    }

    private mutating func takeBody(_ id: ConnectionID, _ bytes: borrowing Span<UInt8>) {
        switch clients[id.index].bodyUse {
        case .discard: break
        case .hold:
            if clients[id.index].request.body.capacity == 0 { clients[id.index].request.body = takeBuffer() }
            clients[id.index].request.body.append(bytes)
        case .stream:
            appendContent(bytes, chunked: clients[id.index].request.framing == .chunked)
        }
    }

    /// Writes content into `output`, as a chunk of its own where the framing is chunked.
    mutating func appendContent(_ bytes: borrowing Span<UInt8>, chunked: Bool) {
        if chunked {
            output.appendHexadecimal(bytes.count)
            output.append("\r\n")
        }
        output.append(bytes)
        if chunked { output.append("\r\n") }
    }

    /// All bytes that arrived are taken and the body goes on.
    private mutating func bodyPieceDone(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        switch clients[id.index].bodyUse {
        case .discard: armUploadDeadline(id, &network)
        case .hold:
            armUploadDeadline(id, &network)
            if clients[id.index].request.body.count > configuration.heldBodyBytesMax { beginStreaming(id, &network) }
        case .stream: streamOn(id, &network)
        }
    }

    /// The rest of a large body will be sent on as it arrives, once a connection to a worker is open.
    private mutating func beginStreaming(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        clients[id.index].bodyUse = .stream
        network.pauseReads(id)
        network.setDeadline(id, at: nil)
        dispatch(id, &network)
    }

    /// The connection for a streamed body is open: sends what is held. From here on the request cannot be sent again.
    mutating func beginUpload(
        _ id: ConnectionID,
        _ upstream: ConnectionID,
        _ network: inout some Network & ~Copyable
    ) {
        clients[id.index].exchange.isReplayable = false
        writeRequestHead(id, isStreamed: true)
        let body = clients[id.index].request.body
        appendContent(body.storage.span, chunked: clients[id.index].request.framing == .chunked)
        network.send(output.storage.span, to: upstream)
        output = ByteBuffer()
        clients[id.index].request.body = ByteBuffer()
        if network.queuedBytes(upstream) > configuration.queuedBytesMax {
            waitForUpstream(id, upstream, &network)
        } else {
            goOnUploading(id, upstream, &network)
        }
    }

    private mutating func streamOn(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        guard let upstream = clients[id.index].upstream else { return }
        network.send(output.storage.span, to: upstream)
        if network.queuedBytes(upstream) > configuration.queuedBytesMax {
            waitForUpstream(id, upstream, &network)
        } else {
            armUploadDeadline(id, &network)
        }
    }

    private mutating func bodyEnded(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        network.setDeadline(id, at: nil)
        guard clients[id.index].bodyUse == .stream else {
            requestComplete(id, &network)
            return
        }
        clients[id.index].framer = BodyFramer(.none)
        guard let upstream = clients[id.index].upstream else { return }
        if clients[id.index].request.framing == .chunked { output.append("0\r\n\r\n") }
        network.send(output.storage.span, to: upstream)
    }

    /// The whole request is here: it is answered, refused or sent on.
    mutating func requestComplete(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        clients[id.index].framer = BodyFramer(.none)
        if let answer = clients[id.index].localAnswer {
            respond(id, answer, &network)
            return
        }
        dispatch(id, &network)
    }

    /// The worker takes no more for now: the client rests, and the worker's time runs.
    private mutating func waitForUpstream(
        _ id: ConnectionID,
        _ upstream: ConnectionID,
        _ network: inout some Network & ~Copyable
    ) {
        network.pauseReads(id)
        network.setDeadline(id, at: nil)
        upstreams[upstream.index].stalledBytes = network.queuedBytes(upstream)
        armStallDeadline(upstream, &network)
    }

    /// The worker has taken everything: the client is read again, and its time runs again.
    mutating func goOnUploading(
        _ id: ConnectionID,
        _ upstream: ConnectionID,
        _ network: inout some Network & ~Copyable
    ) {
        upstreams[upstream.index].stalledBytes = nil
        network.setDeadline(upstream, at: nil)
        network.resumeReads(id)
        if !clients[id.index].input.isEmpty { continuing.append(id) }
        armUploadDeadline(id, &network)
    }

    /// A worker that takes nothing of a body for the idle time of uploads is given up.
    mutating func armStallDeadline(_ upstream: ConnectionID, _ network: inout some Network & ~Copyable) {
        let idle = table.settings.uploadIdleTimeoutMilliseconds
        network.setDeadline(upstream, at: network.now.adding(milliseconds: idle))
    }

    /// A client that stops in the middle of a body is told so after the idle time. While the body is held it must also
    /// arrive at a thousand bytes a second (a byte a millisecond) from then on, so that dripping gains nothing.
    mutating func armUploadDeadline(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        let idle = table.settings.uploadIdleTimeoutMilliseconds
        var deadline = network.now.adding(milliseconds: idle)
        if clients[id.index].bodyUse != .stream {
            let slowest = clients[id.index].bodyBeganAt.adding(milliseconds: idle + clients[id.index].bodyBytes)
            deadline = min(deadline, slowest)
        }
        network.setDeadline(id, at: deadline)
    }
}
