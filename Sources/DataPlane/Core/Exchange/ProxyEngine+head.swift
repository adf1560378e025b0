import SignalboxProtocol

extension ProxyEngine {
    /// A head was accepted: decides where the request goes and what happens to its body.
    mutating func beginRequest(
        _ id: ConnectionID,
        _ head: RequestHead,
        _ bytes: borrowing Span<UInt8>,
        _ network: inout some Network & ~Copyable
    ) {
        counters.requests.count(1)
        counters.inFlight.count(1)
        let route = Route(method: head.method, path: head.target.path, of: bytes)
        begin(id, head, route, bytes, at: network.now)
        setDeadline(id, at: nil, &network)
        if let refusal = refusal(of: head, bytes) {
            refuse(id, LocalAnswer(refusal), &network)
        } else if head.framing == .none || head.framing == .length(0) {
            requestComplete(id, &network)
        } else if clients.slots[id.index].bodyUse == .discard && (head.expectsContinue || !isSmall(head.framing)) {
            answerAndClose(id, &network)
        } else {
            beginBody(id, head, &network)
        }
    }

    private mutating func begin(
        _ id: ConnectionID,
        _ head: RequestHead,
        _ route: Route,
        _ bytes: borrowing Span<UInt8>,
        at now: MonotonicTime
    ) {
        clients.slots[id.index].begin(head, at: now)
        if isLeaving { clients.slots[id.index].request.keepAlive = false }
        clients.slots[id.index].request.route = route
        let metricsRoute = MetricsLayout.RequestRoute(route, path: head.target.path, of: bytes)
        clients.slots[id.index].request.metricsRoute = metricsRoute
        clients.slots[id.index].request.errorShape = ErrorShape(path: head.target.path, of: bytes)
        clients.slots[id.index].timeouts = table.settings.timeouts
        timeRequest(id)
        var localAnswer = localAnswer(for: route, peer: clients.slots[id.index].peer)
        if case .inference = route { localAnswer = overload(at: now) }
        if case .readiness = route, bytes.hasPrefix(head.target.query, "?verbose") {
            localAnswer = readiness(detail: readinessDetail(at: now))
        }
        guard localAnswer == nil else {
            clients.slots[id.index].localAnswer = localAnswer
            clients.slots[id.index].bodyUse = .discard
            // The original does not name requests for paths that are not there (specification section 13, point 33).
            if route != .notFound { holdRequestID(id, head.target.path, bytes) }
            return
        }
        holdHead(id, head, bytes)
        if case .inference(let isJSON) = route {
            budget.earn(table.settings.retry)
            let mustBeJSON = isJSON && head.contentType == .json
            let mayBeJSON = isJSON && head.contentType == .absent
            if mustBeJSON || mayBeJSON || table.routesByModel {
                clients.slots[id.index].request.content.begin(mustBeJSON: mustBeJSON, mayBeJSON: mayBeJSON)
            }
        }
    }

    /// Why a request is refused before its body is read.
    private func refusal(of head: RequestHead, _ bytes: borrowing Span<UInt8>) -> ClientError? {
        if case .length(let length) = head.framing {
            if length > table.settings.payloadBytesMax { return .payloadTooLarge(table.settings.payloadBytesMax) }
            let held = min(length, configuration.heldBodyBytesMax)
            if held > configuration.smallBodyBytesMax && exceedsBuffers(adding: held) { return .buffersFull }
        }
        return isGoingRound(bytes) ? .loop : nil
    }

    private mutating func beginBody(
        _ id: ConnectionID,
        _ head: RequestHead,
        _ network: inout some Network & ~Copyable
    ) {
        clients.slots[id.index].phase = .body
        if head.expectsContinue {
            let interim = ProxyEngine.continueHead
            network.send(interim.storage.span, to: id)
        }
        armUploadDeadline(id, &network)
    }

    private static let continueHead = ByteBuffer("HTTP/1.1 100 Continue\r\n\r\n" as StaticString)

    /// A body that is read to its end only to keep the connection.
    private func isSmall(_ framing: BodyFraming) -> Bool {
        if case .length(let length) = framing { return length <= 64 * 1024 }
        return false
    }
}
