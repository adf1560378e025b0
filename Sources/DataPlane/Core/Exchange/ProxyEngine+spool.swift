import SignalboxProtocol
import Synchronization

/// Bodies in temporary files: those that are too large to be held and whose worker only their end may tell.
extension ProxyEngine {
    /// Moves what is held of a body into a file, where the rest will follow.
    mutating func beginSpooling(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        clients.slots[id.index].bodyUse = .spool
        clients.slots[id.index].request.spool = SpoolState()
        var body = ByteBuffer()
        swap(&body, &clients.slots[id.index].request.body)
        counters.bodyBytes.count(-body.count)
        spool(id, body.storage.span, &network)
        spoolOn(id, &network)
    }

    /// Gives the next bytes of a body to its file.
    mutating func spool(
        _ id: ConnectionID,
        _ bytes: borrowing Span<UInt8>,
        _ network: inout some Network & ~Copyable
    ) {
        clients.slots[id.index].request.spool.writtenBytes += bytes.count
        clients.slots[id.index].request.spool.unconfirmedBytes += bytes.count
        counters.spooledBytes.count(bytes.count)
        network.spool(bytes, of: id)
    }

    /// What has arrived is on its way to the disk: the client is read on, unless the disk is behind.
    mutating func spoolOn(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        if let refusal = spoolRefusal(id) {
            refuse(id, LocalAnswer(refusal), &network)
            return
        }
        if clients.slots[id.index].request.spool.unconfirmedBytes > configuration.spoolPieceBytes {
            network.pauseReads(id)
            awaitDisk(id, &network)
        } else {
            armUploadDeadline(id, &network)
        }
    }

    /// Why a body that is being spooled is given up.
    private func spoolRefusal(_ id: ConnectionID) -> ClientError? {
        if let fault = clients.slots[id.index].request.content.refusal { return .fault(fault) }
        let spooled = counters.spooledBytes.load(ordering: .relaxed) + othersSpooledBytes
        if spooled > table.settings.spoolBytesMax { return .spoolFull }
        // What waits for the disk is in memory.
        return exceedsBuffers() ? .buffersFull : nil
    }

    /// The whole body has been given to its file: the pick needs the model's name, if the body has one.
    mutating func spoolComplete(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        clients.slots[id.index].framer = .init(.none)
        clients.slots[id.index].request.content.finish()
        if let refusal = spoolRefusal(id) {
            refuse(id, LocalAnswer(refusal), &network)
            return
        }
        clients.slots[id.index].phase = .spooled
        guard let model = clients.slots[id.index].request.content.found.model else {
            dispatch(id, &network)
            return
        }
        guard !model.isEmpty else {
            clients.slots[id.index].request.spool.model = []
            dispatch(id, &network)
            return
        }
        guard model.count <= configuration.modelBytesMax else {
            refuse(id, LocalAnswer(.unknownModel), &network)
            return
        }
        awaitDisk(id, &network)
        network.readSpool(model, of: id)
    }

    /// A disk that does not answer within the idle time of uploads has failed.
    private mutating func awaitDisk(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        let idle = table.settings.uploadIdleTimeoutMilliseconds
        setDeadline(id, at: network.now.adding(milliseconds: idle), &network)
    }

    /// The disk has taken so many bytes of a body.
    public mutating func spoolWritten(
        _ id: ConnectionID,
        bytes: Int,
        _ network: inout some Network & ~Copyable
    ) {
        guard isClient(id), clients.slots[id.index].bodyUse == .spool else { return }
        clients.slots[id.index].request.spool.unconfirmedBytes -= bytes
        guard clients.slots[id.index].phase == .body,
            clients.slots[id.index].request.spool.unconfirmedBytes <= configuration.spoolPieceBytes
        else { return }
        network.resumeReads(id)
        armUploadDeadline(id, &network)
        if !clients.slots[id.index].input.isEmpty { continuing.append(id) }
        continueClients(&network)
    }

    /// A part of a body that was asked for.
    public mutating func spoolRead(
        _ id: ConnectionID,
        _ bytes: borrowing Span<UInt8>,
        _ network: inout some Network & ~Copyable
    ) {
        guard isClient(id), clients.slots[id.index].bodyUse == .spool else { return }
        if clients.slots[id.index].phase == .spooled {
            clients.slots[id.index].request.spool.model = JSONString.decode(bytes, 0..<bytes.count)
            dispatch(id, &network)
        } else if let upstream = clients.slots[id.index].upstream {
            clients.slots[id.index].request.spool.isReading = false
            setDeadline(id, at: nil, &network)
            clients.slots[id.index].request.spool.sentBytes += bytes.count
            network.send(bytes, to: upstream)
            readOnFromSpool(id, upstream, &network)
        }
        continueClients(&network)
    }

    /// The disk cannot be written or read.
    public mutating func spoolFailed(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        guard isClient(id), clients.slots[id.index].bodyUse == .spool else { return }
        refuse(id, LocalAnswer(.spoolFailed), &network)
        continueClients(&network)
    }

    /// The connection to the worker is open: sends the head and begins to send the file.
    mutating func beginSpoolUpload(
        _ id: ConnectionID,
        _ upstream: ConnectionID,
        _ network: inout some Network & ~Copyable
    ) {
        clients.slots[id.index].exchange.isReplayable = false
        writeRequestHead(id, isStreamed: false)
        network.send(output.storage.span, to: upstream)
        wait(for: .nothing, 0, on: upstream, &network)
        readOnFromSpool(id, upstream, &network)
    }

    /// Asks for the next part of the file, once the worker has taken what it got.
    mutating func readOnFromSpool(
        _ id: ConnectionID,
        _ upstream: ConnectionID,
        _ network: inout some Network & ~Copyable
    ) {
        let spool = clients.slots[id.index].request.spool
        guard !spool.isReading else { return }
        guard spool.sentBytes < spool.writtenBytes else {
            if case .firstByte = upstreams.slots[upstream.index].awaits { return }
            awaitFirstByte(upstream, &network)
            return
        }
        guard network.queuedBytes(upstream) <= queuedBytesMax else {
            waitForUpstream(id, upstream, &network)
            return
        }
        clients.slots[id.index].request.spool.isReading = true
        awaitNothingOfAnswerYet(upstream, id, &network)
        awaitDisk(id, &network)
        let end = min(spool.sentBytes + configuration.spoolPieceBytes, spool.writtenBytes)
        network.readSpool(spool.sentBytes..<end, of: id)
    }

    /// Gives the file of a request up.
    mutating func discardSpool(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        guard clients.slots[id.index].bodyUse == .spool else { return }
        counters.spooledBytes.count(-clients.slots[id.index].request.spool.writtenBytes)
        clients.slots[id.index].request.spool = SpoolState()
        clients.slots[id.index].bodyUse = .hold
        network.discardSpool(of: id)
    }
}
