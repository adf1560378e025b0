import SignalboxProtocol

/// The time limits of a request, one per phase: each connection has one deadline at a time, and what it stands for is
/// known from the phase of the client and from ``UpstreamConnection/awaits``.
extension ProxyEngine {
    // MARK: - The client's side

    /// Sets the limit of the client's present phase; that of the whole request holds beside it.
    mutating func setDeadline(
        _ id: ConnectionID,
        at time: MonotonicTime?,
        _ network: inout some Network & ~Copyable
    ) {
        guard let last = clients.slots[id.index].requestDeadline else {
            network.setDeadline(id, at: time)
            return
        }
        network.setDeadline(id, at: time.map { min($0, last) } ?? last)
    }

    /// Works out when the request must be over, from its beginning and the limit that applies to it.
    mutating func timeRequest(_ id: ConnectionID) {
        let limit = clients.slots[id.index].timeouts.requestMilliseconds
        clients.slots[id.index].requestDeadline =
            limit == 0 ? nil : clients.slots[id.index].beganAt.adding(milliseconds: limit)
    }

    /// A client that stops in the middle of a body is told so after the idle time. While the body is kept here it must
    /// also arrive at a thousand bytes a second (a byte a millisecond) from then on, so that dripping gains nothing.
    mutating func armUploadDeadline(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        let idle = table.settings.uploadIdleTimeoutMilliseconds
        var deadline = network.now.adding(milliseconds: idle)
        if clients.slots[id.index].bodyUse != .stream {
            let slowest = clients.slots[id.index].beganAt.adding(milliseconds: idle + clients.slots[id.index].bodyBytes)
            deadline = min(deadline, slowest)
        }
        setDeadline(id, at: deadline, &network)
    }

    mutating func clientDeadlinePassed(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        if let last = clients.slots[id.index].requestDeadline, last <= network.now {
            requestTimePassed(id, &network)
            return
        }
        switch clients.slots[id.index].phase {
        case .head where network.queuedBytes(id) > 0: checkReading(id, &network)
        case .head where clients.slots[id.index].input.isEmpty: closeClient(id, .graceful, &network)
        case .head: refuse(id, LocalAnswer(.headTimeout), &network)
        case .waiting: waitTimePassed(id, &network)
        case .spooled: refuse(id, LocalAnswer(.spoolFailed), &network)
        case .body, .upstream: refuse(id, LocalAnswer(isWaitingForDisk(id) ? .spoolFailed : .uploadTimeout), &network)
        }
    }

    private func isWaitingForDisk(_ id: ConnectionID) -> Bool {
        guard clients.slots[id.index].bodyUse == .spool else { return false }
        let spool = clients.slots[id.index].request.spool
        return spool.isReading || spool.unconfirmedBytes > configuration.spoolPieceBytes
    }

    /// A client that has not read its last answer keeps its connection only while it takes more of it.
    private mutating func checkReading(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        let queued = network.queuedBytes(id)
        guard queued < clients.slots[id.index].stalledBytes else {
            closeClient(id, .reset, &network)
            return
        }
        clients.slots[id.index].stalledBytes = queued
        network.setDeadline(id, at: network.now.adding(milliseconds: table.settings.keepAliveTimeoutMilliseconds))
    }

    /// The limit of the whole request is over, whatever it is at.
    private mutating func requestTimePassed(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        if clients.slots[id.index].framerIsOpen && clients.slots[id.index].exchange.phase != .relaying {
            refuse(id, LocalAnswer(.requestTimeoutInUpload), &network)
        } else if let upstream = clients.slots[id.index].upstream {
            lose(upstream, id, .requestTimeout, &network)
        } else {
            refuse(id, LocalAnswer(.lostWorker(.requestTimeout, hasAnswered: false)), &network)
        }
    }

    // MARK: - The worker's side

    /// The whole request is on its way: from now on the worker's time to its first byte of content runs.
    mutating func awaitFirstByte(_ upstream: ConnectionID, _ network: inout some Network & ~Copyable) {
        guard let client = upstreams.slots[upstream.index].client else { return }
        guard clients.slots[client.index].exchange.phase != .relaying else {
            // The answer began before its request had ended.
            keepAnswerTimed(upstream, client, &network)
            return
        }
        wait(for: .firstByte, clients.slots[client.index].timeouts.firstByteMilliseconds, on: upstream, &network)
    }

    /// While an answer is being passed on its own clock runs, whatever becomes of the upload: the client's while the client
    /// takes nothing, else the worker's.
    mutating func keepAnswerTimed(
        _ upstream: ConnectionID,
        _ client: ConnectionID,
        _ network: inout some Network & ~Copyable
    ) {
        switch upstreams.slots[upstream.index].awaits {
        case .client, .firstByte, .nextByte: return
        case .nothing, .connection, .upload, .reuse: break
        }
        if upstreams.slots[upstream.index].hasContent {
            awaitNextByte(upstream, client, &network)
        } else {
            wait(for: .firstByte, clients.slots[client.index].timeouts.firstByteMilliseconds, on: upstream, &network)
        }
    }

    /// Content has been passed on: the time to the next byte runs.
    mutating func awaitNextByte(
        _ upstream: ConnectionID,
        _ client: ConnectionID,
        _ network: inout some Network & ~Copyable
    ) {
        wait(for: .nextByte, clients.slots[client.index].timeouts.streamIdleMilliseconds, on: upstream, &network)
    }

    /// The client takes no more of its answer for now: the worker is not read, and the client's time runs.
    mutating func awaitClient(
        _ upstream: ConnectionID,
        _ client: ConnectionID,
        _ network: inout some Network & ~Copyable
    ) {
        network.pauseReads(upstream)
        clients.slots[client.index].stalledBytes = network.queuedBytes(client)
        wait(for: .client, clients.slots[client.index].timeouts.streamIdleMilliseconds, on: upstream, &network)
    }

    /// The worker takes no more of an upload for now: the client is not read, and the worker's time runs.
    mutating func waitForUpstream(
        _ id: ConnectionID,
        _ upstream: ConnectionID,
        _ network: inout some Network & ~Copyable
    ) {
        network.pauseReads(id)
        setDeadline(id, at: nil, &network)
        guard clients.slots[id.index].exchange.phase != .relaying else {
            keepAnswerTimed(upstream, id, &network)
            return
        }
        let queued = network.queuedBytes(upstream)
        let idle = table.settings.uploadIdleTimeoutMilliseconds
        wait(for: .upload(queuedBytes: queued), idle, on: upstream, &network)
    }

    /// Makes the connection's deadline stand for `awaited`; 0 milliseconds: it has no limit.
    mutating func wait(
        for awaited: UpstreamConnection.Awaited,
        _ milliseconds: Int,
        on upstream: ConnectionID,
        _ network: inout some Network & ~Copyable
    ) {
        upstreams.slots[upstream.index].awaits = awaited
        network.setDeadline(upstream, at: milliseconds == 0 ? nil : network.now.adding(milliseconds: milliseconds))
    }

    mutating func upstreamDeadlinePassed(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        guard let client = upstreams.slots[id.index].client else {
            dropIdle(id, &network)
            return
        }
        switch upstreams.slots[id.index].awaits {
        case .nothing, .reuse: break
        case .connection: lose(id, client, .connectTimeout, &network)
        case .upload(let stalled):
            guard network.queuedBytes(id) < stalled else {
                lose(id, client, .uploadTimeout, &network)
                return
            }
            let idle = table.settings.uploadIdleTimeoutMilliseconds
            wait(for: .upload(queuedBytes: network.queuedBytes(id)), idle, on: id, &network)
        case .firstByte: lose(id, client, .firstByteTimeout, &network)
        case .nextByte: lose(id, client, .streamIdleTimeout, &network)
        case .client:
            guard network.queuedBytes(client) < clients.slots[client.index].stalledBytes else {
                closeClient(client, .reset, &network)
                return
            }
            awaitClient(id, client, &network)
        }
    }
}
