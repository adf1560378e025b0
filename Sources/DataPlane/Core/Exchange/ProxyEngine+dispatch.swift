import SignalboxProtocol

extension ProxyEngine {
    /// Finds a worker for a request and sends it, or lets it wait, or answers that there is none.
    mutating func dispatch(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        if clients[id.index].request.route == .admin {
            connectToControlPlane(id, &network)
            return
        }
        let pool: Int
        do throws(HTTPFault) {
            guard let found = try choosePool(clients[id.index].request, isWhole: clients[id.index].bodyUse == .hold)
            else {
                refuse(id, .unknownModel(), &network)
                return
            }
            pool = found
        } catch {
            refuse(id, .fault(error), &network)
            return
        }
        guard let index = pick(pool, for: id) else {
            waitForWorker(id, pool, &network)
            return
        }
        clients[id.index].worker = PickedWorker(worker: table.workers[index])
        send(id, &network)
    }

    /// Checks the body where it must be JSON, and finds the pool of the request's model.
    private func choosePool(_ request: borrowing ClientRequest, isWhole: Bool) throws(HTTPFault) -> Int? {
        guard case .inference(let isJSON) = request.route, !request.body.isEmpty else { return 0 }
        let mustBeJSON = isJSON && request.contentType == .json
        guard mustBeJSON || table.routesByModel else { return 0 }
        let scan: RequestScan
        if isWhole {
            do throws(HTTPFault) {
                scan = try RequestScan.scan(request.body.storage.span)
            } catch {
                guard mustBeJSON else { return table.pool(forModel: nil) }
                throw error
            }
        } else {
            scan = RequestScan.scan(prefix: request.body.storage.span)
        }
        guard table.routesByModel else { return 0 }
        return table.pool(forModel: scan.model.map { JSONString.decode(request.body.storage.span, $0) })
    }

    private mutating func pick(_ pool: Int, for id: ConnectionID) -> Int? {
        if clients[id.index].request.route == .firstReadyWorker {
            let excluded = clients[id.index].excludedWorker
            return table.pools[0].ready.first { $0 != excluded } ?? table.pools[0].ready.first
        }
        return table.pools[pool].policy.pick(
            from: table.pools[pool].ready,
            of: table.workers,
            loads: loads,
            excluding: clients[id.index].excludedWorker,
            using: &random
        )
    }

    /// No worker is ready. While some are pending the request waits for them, up to the time that the settings allow.
    private mutating func waitForWorker(
        _ id: ConnectionID,
        _ pool: Int,
        _ network: inout some Network & ~Copyable
    ) {
        guard table.version != nil else {
            refuse(id, .noSnapshot(), &network)
            return
        }
        guard table.pools[pool].hasPending, clients[id.index].request.route != .firstReadyWorker,
            table.settings.pendingWaitMilliseconds > 0
        else {
            refuse(id, .noReadyWorker(), &network)
            return
        }
        if clients[id.index].phase != .waiting {
            clients[id.index].phase = .waiting
            network.setDeadline(id, at: network.now.adding(milliseconds: table.settings.pendingWaitMilliseconds))
        }
        waiting.append(id)
    }

    /// Sends the request to the picked worker, on an idle connection or on a new one.
    mutating func send(_ id: ConnectionID, fresh: Bool = false, _ network: inout some Network & ~Copyable) {
        guard let worker = clients[id.index].worker else { preconditionFailure("no worker was picked") }
        count(id, in: worker.worker.lease.slot)
        let mayUsePooled = !fresh && clients[id.index].bodyUse != .stream
        if mayUsePooled, let upstream = idle.take(worker.worker.lease) {
            network.setDeadline(upstream, at: nil)
            network.resumeReads(upstream)
            clients[id.index].exchange.sent(pooled: true)
            attach(id, upstream, &network)
            return
        }
        let target = worker.worker
        guard worker.address < target.addresses.count,
            let upstream = network.connect(to: .ip(target.addresses[worker.address], port: target.port))
        else {
            refuse(id, .lostWorker(502), &network)
            return
        }
        upstreams.insert(
            UpstreamConnection(id: upstream, client: id, lease: target.lease),
            at: upstream.index
        )
        let deadline = network.now.adding(milliseconds: table.settings.connectTimeoutMilliseconds)
        network.setDeadline(upstream, at: deadline)
        clients[id.index].exchange.sent(pooled: false)
        attach(id, upstream, &network)
    }

    private mutating func connectToControlPlane(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        guard let path = configuration.adminSocketPath, let upstream = network.connect(to: .unix(path)) else {
            refuse(id, .controlPlaneUnreachable(), &network)
            return
        }
        upstreams.insert(UpstreamConnection(id: upstream, client: id, lease: nil), at: upstream.index)
        clients[id.index].exchange.sent(pooled: false)
        attach(id, upstream, &network)
    }

    /// Ties client and upstream together and sends what there is of the request.
    private mutating func attach(
        _ id: ConnectionID,
        _ upstream: ConnectionID,
        _ network: inout some Network & ~Copyable
    ) {
        clients[id.index].phase = .upstream
        clients[id.index].upstream = upstream
        // The time limits of the body and of the wait for a worker are over.
        network.setDeadline(id, at: nil)
        upstreams[upstream.index].client = id
        upstreams[upstream.index].reset()
        // A streamed body begins to go out when the connection is open.
        guard clients[id.index].bodyUse != .stream else { return }
        writeRequestHead(id, isStreamed: false)
        let body = clients[id.index].request.body
        if body.count <= 16 * 1024 {
            output.append(body)
            network.send(output.storage.span, to: upstream)
        } else {
            network.send(output.storage.span, body.storage.span, to: upstream)
        }
    }

    mutating func writeRequestHead(_ id: ConnectionID, isStreamed: Bool) {
        output.clear()
        let request = clients[id.index].request
        let head = request.head.storage.span
        output.append(head.extracting(0..<request.methodEnd))
        output.append(" ")
        if let worker = clients[id.index].worker {
            let target = worker.worker
            output.append(target.pathPrefix)
            output.append(head.extracting(request.methodEnd..<request.targetEnd))
            output.append(" HTTP/1.1\r\nHost: ")
            output.append(target.authority)
        } else {
            output.append(head.extracting(request.methodEnd..<request.targetEnd))
            output.append(" HTTP/1.1\r\nHost: signalbox")
        }
        output.append("\r\n")
        output.append(head.extracting(request.targetEnd..<head.count))
        switch request.framing {
        case .none, .untilClose: break
        case .length(let length):
            output.append("Content-Length: ")
            output.appendDecimal(length)
            output.append("\r\n")
        case .chunked where isStreamed: output.append("Transfer-Encoding: chunked\r\n")
        case .chunked:
            output.append("Content-Length: ")
            output.appendDecimal(request.body.count)
            output.append("\r\n")
        }
        output.append("\r\n")
    }

    /// Counts the request as in flight on a worker, once.
    private mutating func count(_ id: ConnectionID, in slot: Int) {
        if let counted = clients[id.index].countedSlot {
            guard counted != slot else { return }
            loads.decrement(slot: counted)
        }
        loads.increment(slot: slot)
        clients[id.index].countedSlot = slot
    }
}
