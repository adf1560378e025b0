import SignalboxProtocol

extension ProxyEngine {
    /// Finds a worker for a request and sends it, or lets it wait, or answers that there is none.
    mutating func dispatch(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        if clients.slots[id.index].request.route == .admin {
            connectToControlPlane(id, &network)
            return
        }
        guard let pool = choosePool(id) else {
            refuse(id, LocalAnswer(.unknownModel), &network)
            return
        }
        clients.slots[id.index].timeouts = table.pools[pool].timeouts
        timeRequest(id)
        switch place(id, pool, at: network.now) {
        case .placed: send(id, &network)
        case .mustWait(let reason): wait(id, pool, reason, &network)
        case .refused(let error): refuse(id, LocalAnswer(error), &network)
        }
    }

    /// Finds the pool of the request's model; nil when no worker here serves it.
    mutating func choosePool(_ id: ConnectionID) -> Int? {
        guard table.routesByModel, case .inference = clients.slots[id.index].request.route else { return 0 }
        guard clients.slots[id.index].bodyBytes > 0 else { return table.pool(forModel: nil) }
        if clients.slots[id.index].bodyUse == .spool {
            return table.pool(forModel: clients.slots[id.index].request.spool.model)
        }
        if clients.slots[id.index].request.content.isUnread { readBodyNow(id) }
        guard let range = clients.slots[id.index].request.content.found.model else { return table.pool(forModel: nil) }
        let body = clients.slots[id.index].request.body
        return table.pool(forModel: JSONString.decode(body.storage.span, range))
    }

    /// Reads a held body that nobody wanted to know when it arrived, because another table was in force.
    mutating func readBodyNow(_ id: ConnectionID) {
        clients.slots[id.index].request.content.begin(mustBeJSON: false)
        let body = clients.slots[id.index].request.body
        clients.slots[id.index].request.content.take(body.storage.span)
        if clients.slots[id.index].bodyUse == .hold { clients.slots[id.index].request.content.finish() }
    }

    /// Sends the request to the picked worker, on an idle connection or on a new one.
    mutating func send(_ id: ConnectionID, fresh: Bool = false, _ network: inout some Network & ~Copyable) {
        guard let worker = clients.slots[id.index].worker else { preconditionFailure("no worker was picked") }
        let mayUsePooled = !fresh && clients.slots[id.index].bodyUse == .hold
        if mayUsePooled, let upstream = idle.take(worker.lease) {
            network.resumeReads(upstream)
            clients.slots[id.index].exchange.sent(pooled: true)
            attach(id, upstream, &network)
            awaitFirstByte(upstream, &network)
            return
        }
        let endpoint = worker.endpoint
        guard worker.address < endpoint.addresses.count else {
            refuse(id, LocalAnswer(.lostWorker(.notConnected, hasAnswered: false)), &network)
            return
        }
        makeRoomForUpstream(&network)
        guard let upstream = network.connect(to: .ip(endpoint.addresses[worker.address], port: endpoint.port)) else {
            refuse(id, LocalAnswer(.noDescriptor), &network)
            return
        }
        upstreams.insert(UpstreamConnection(id: upstream, client: id, lease: worker.lease), at: upstream.index)
        clients.slots[id.index].exchange.sent(pooled: false)
        attach(id, upstream, &network)
        wait(for: .connection, clients.slots[id.index].timeouts.connectMilliseconds, on: upstream, &network)
    }

    /// Closes an idle connection to a worker when there are as many connections as there may be.
    private mutating func makeRoomForUpstream(_ network: inout some Network & ~Copyable) {
        guard clients.count + upstreams.count >= configuration.connectionsMax else { return }
        guard let superfluous = idle.takeSuperfluous() else { return }
        discardUpstream(superfluous, &network)
    }

    private mutating func connectToControlPlane(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        guard let path = configuration.adminSocketPath, let upstream = network.connect(to: .unix(path)) else {
            refuse(id, LocalAnswer(.controlPlaneUnreachable), &network)
            return
        }
        upstreams.insert(UpstreamConnection(id: upstream, client: id, lease: nil), at: upstream.index)
        clients.slots[id.index].exchange.sent(pooled: false)
        attach(id, upstream, &network)
        wait(for: .connection, clients.slots[id.index].timeouts.connectMilliseconds, on: upstream, &network)
    }

    /// Ties client and upstream together and sends what there is of the request.
    private mutating func attach(
        _ id: ConnectionID,
        _ upstream: ConnectionID,
        _ network: inout some Network & ~Copyable
    ) {
        clients.slots[id.index].phase = .upstream
        clients.slots[id.index].upstream = upstream
        // The time limits of the body and of the wait for a worker are over.
        setDeadline(id, at: nil, &network)
        upstreams.slots[upstream.index].client = id
        upstreams.slots[upstream.index].reset()
        upstreams.slots[upstream.index].sentAt = network.now
        // A body that is not held begins to go out when the connection is open.
        guard clients.slots[id.index].bodyUse == .hold else { return }
        writeRequestHead(id, isStreamed: false)
        let body = clients.slots[id.index].request.body
        if body.count <= 16 * 1024 {
            output.append(body)
            network.send(output.storage.span, to: upstream)
        } else {
            network.send(output.storage.span, body.storage.span, to: upstream)
        }
    }

    mutating func writeRequestHead(_ id: ConnectionID, isStreamed: Bool) {
        output.clear()
        let held = clients.slots[id.index].request.head
        let (methodEnd, targetEnd) = (
            clients.slots[id.index].request.methodEnd, clients.slots[id.index].request.targetEnd
        )
        let head = held.storage.span
        output.append(head.extracting(0..<methodEnd))
        output.append(" ")
        if let endpoint = clients.slots[id.index].worker?.endpoint {
            output.append(endpoint.pathPrefix)
            output.append(head.extracting(methodEnd..<targetEnd))
            output.append(" HTTP/1.1\r\n")
            output.append(endpoint.hostLine)
        } else {
            output.append(head.extracting(methodEnd..<targetEnd))
            output.append(" HTTP/1.1\r\nHost: signalbox\r\n")
        }
        output.append(head.extracting(targetEnd..<head.count))
        switch clients.slots[id.index].request.framing {
        case .none, .untilClose: break
        case .length(let length):
            output.append("Content-Length: ")
            output.appendDecimal(length)
            output.append("\r\n")
        case .chunked where isStreamed: output.append("Transfer-Encoding: chunked\r\n")
        case .chunked:
            output.append("Content-Length: ")
            output.appendDecimal(clients.slots[id.index].bodyBytes)
            output.append("\r\n")
        }
        output.append("\r\n")
    }
}
