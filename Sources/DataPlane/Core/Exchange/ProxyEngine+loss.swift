import SignalboxProtocol

/// What follows when a worker's connection is lost in the middle of a request.
extension ProxyEngine {
    /// The worker has closed its side, or the connection broke.
    mutating func upstreamEnded(_ id: ConnectionID, cleanly: Bool, _ network: inout some Network & ~Copyable) {
        guard let client = upstreams.slots[id.index].client else {
            dropIdle(id, &network)
            return
        }
        if cleanly, let framer = upstreams.slots[id.index].framer, framer.endsWithConnection {
            output.clear()
            readUsageOfTail(client)
            if clients.slots[client.index].chunksAnswer { output.append("0\r\n\r\n") }
            network.send(output.storage.span, to: client)
            upstreams.slots[id.index].mayReuse = false
            answerComplete(id, client, hasExtraBytes: false, &network)
            return
        }
        let cause: Exchange.LossCause = upstreams.slots[id.index].isConnected ? .closed : .notConnected
        lose(id, client, cause, &network)
    }

    /// An attempt has failed: carries out what the exchange decides.
    mutating func lose(
        _ id: ConnectionID,
        _ client: ConnectionID,
        _ cause: Exchange.LossCause,
        _ network: inout some Network & ~Copyable
    ) {
        discardUpstream(id, &network)
        clients.slots[client.index].upstream = nil
        let attemptsMax = table.settings.retry.attemptsMax
        switch clients.slots[client.index].exchange.lost(cause, attemptsMax: attemptsMax) {
        case .retryFresh: retryHere(client, &network)
        case .retry: retry(client, cause, &network)
        case .answer:
            if let failure = cause.failure { noteFailure(client, failure, isSilence: cause.isTimeout, at: network.now) }
            let isAdmin = clients.slots[client.index].request.route == .admin
            let error: ClientError = isAdmin ? .controlPlaneUnreachable : .lostWorker(cause, hasAnswered: false)
            refuse(client, LocalAnswer(error), &network)
        case .abort:
            if let failure = cause.failure { noteFailure(client, failure, isSilence: cause.isTimeout, at: network.now) }
            abort(client, .lostWorker(cause, hasAnswered: true), &network)
        }
    }

    /// The client must see that its answer is not whole: an event that says so where the stream allows one, and then
    /// an end that no parser takes for a complete message.
    mutating func abort(
        _ id: ConnectionID,
        _ error: ClientError,
        _ network: inout some Network & ~Copyable
    ) {
        let client = clients.slots[id.index]
        let insertsEvent = client.mayInsertEvent && client.events.isBetweenEvents
        if insertsEvent {
            output.clear()
            let event = ByteBuffer(error.event(client.request.errorShape))
            appendContent(event.storage.span, chunked: client.chunksAnswer)
            network.send(output.storage.span, to: id)
        }
        let endIsVisible = client.chunksAnswer || client.request.minorVersion == 1 || insertsEvent
        closeClient(id, endIsVisible ? .graceful : .reset, &network)
    }
}
