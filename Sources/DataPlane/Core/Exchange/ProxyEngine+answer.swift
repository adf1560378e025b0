import SignalboxProtocol

extension ProxyEngine {
    /// What the proxy answers by itself on a route; nil for routes that go to a worker or to the control plane.
    func localAnswer(for route: Route, peer: ClientPeer) -> LocalAnswer? {
        switch route {
        case .inference, .firstReadyWorker: nil
        case .liveness: LocalAnswer(200, .text("OK"))
        case .readiness: readiness()
        case .models: table.readyCount > 0 ? LocalAnswer(200, .json(table.modelsBody)) : LocalAnswer(.noReadyWorker)
        case .admin: adminRefusal(peer)
        case .methodNotAllowed(let allow):
            LocalAnswer(
                ClientError(405, "This path does not answer that method.", code: "method_not_allowed"),
                allow: allow
            )
        case .notFound: LocalAnswer(ClientError(404, "There is no such path.", code: "not_found"))
        }
    }

    /// - Parameter detail: further members of the document, each with a comma before it.
    func readiness(detail: String = "") -> LocalAnswer {
        let ready = table.readyCount
        guard ready > 0, !isLeaving else {
            let reason =
                isLeaving ? "draining" : table.version == nil ? "no routing snapshot" : "insufficient healthy workers"
            let body =
                #"{"status":"not ready","reason":"\#(reason)","total_workers":\#(table.workers.count)\#(detail)}"#
            return LocalAnswer(503, .json(body))
        }
        let body =
            #"{"status":"ready","healthy_workers":\#(ready),"total_workers":\#(table.workers.count)\#(detail)}"#
        return LocalAnswer(200, .json(body))
    }

    /// How old what is served may be.
    func readinessDetail(at now: MonotonicTime) -> String {
        let version =
            table.version.map { #"{"epoch":"\#($0.epoch)","sequence":\#($0.sequence)}"# } ?? "null"
        let source =
            switch origin.source {
            case .none: "null"
            case .controlPlane: #""control_plane""#
            case .cache: #""cache""#
            }
        let silent = origin.silentMilliseconds(at: now)
        let seconds = silent.map { "\($0 / 1000).\(($0 % 1000) / 100)" } ?? "0"
        return #","snapshot":{"version":\#(version),"source":\#(source)},"#
            + #""control_plane":{"connected":\#(silent == nil),"silent_seconds":\#(seconds)}"#
    }

    /// Nil when the peer may reach the control plane through this port (architecture section 9, invariant 8).
    private func adminRefusal(_ peer: ClientPeer) -> LocalAnswer? {
        switch configuration.adminForwarding {
        case .all: nil
        case .loopback where peer.address.isLoopback: nil
        case .loopback:
            .adminForbidden("Admin paths are answered on this port to loopback peers only (--forward-admin loopback).")
        case .off:
            .adminForbidden(
                "Admin paths are not answered on this port (--forward-admin off); use the control plane's own."
            )
        }
    }

    /// Gives an answer to a request that has been read to its end.
    mutating func respond(_ id: ConnectionID, _ answer: LocalAnswer, _ network: inout some Network & ~Copyable) {
        let keepAlive = clients.slots[id.index].request.keepAlive && !isLeaving
        clients.slots[id.index].request.keepAlive = keepAlive
        write(answer, to: id, keepAlive: keepAlive, &network)
        finish(id, &network)
    }

    /// Answers at once a request whose body nobody wants to read, and closes.
    mutating func answerAndClose(_ id: ConnectionID, _ network: inout some Network & ~Copyable) {
        guard let answer = clients.slots[id.index].localAnswer else { return }
        refuse(id, answer, &network)
    }

    /// Gives an error in whatever state the request is. The connection stays open only when the request was read to
    /// its end; a client that has got a part of an answer already sees it break off.
    mutating func refuse(_ id: ConnectionID, _ answer: LocalAnswer, _ network: inout some Network & ~Copyable) {
        let client = clients.slots[id.index]
        guard client.exchange.phase != .relaying else {
            let error: ClientError
            if case .error(let given) = answer.content { error = given } else { error = .uploadTimeout }
            abort(id, error, &network)
            return
        }
        guard client.isInRequest, client.framer.remainingBytes == 0, client.exchange.isReplayable else {
            write(answer, to: id, keepAlive: false, &network)
            closeClient(id, .graceful, &network)
            return
        }
        respond(id, answer, &network)
    }

    private mutating func write(
        _ answer: LocalAnswer,
        to id: ConnectionID,
        keepAlive: Bool,
        _ network: inout some Network & ~Copyable
    ) {
        clients.slots[id.index].request.answerStatus = answer.status
        clients.slots[id.index].request.hasWholeAnswer = true
        if !clients.slots[id.index].isInRequest { countUnreadable(status: answer.status, at: network.now) }
        output.clear()
        let isInRequest = clients.slots[id.index].isInRequest
        let held = clients.slots[id.index].request.head
        let idLine = isInRequest ? clients.slots[id.index].request.idLine : 0..<0
        answer.write(
            to: &output,
            dateLine: network.dateLine,
            shape: clients.slots[id.index].request.errorShape,
            keepAlive: keepAlive,
            minorVersion: clients.slots[id.index].request.minorVersion,
            isAnswerToHead: clients.slots[id.index].request.method == .head,
            requestIDLine: held.storage.span.extracting(idLine),
            snapshot: isInRequest ? snapshotValue(for: id, at: network.now) : nil
        )
        network.send(output.storage.span, to: id)
    }
}

extension LocalAnswer {
    fileprivate static func adminForbidden(_ message: String) -> LocalAnswer {
        LocalAnswer(ClientError(403, message, code: "admin_forbidden"))
    }
}
