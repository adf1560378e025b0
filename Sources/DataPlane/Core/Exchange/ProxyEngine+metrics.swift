import SignalboxProtocol

/// What is counted of a request, each thing in one place.
extension ProxyEngine {
    /// The request has ended, in whatever way.
    mutating func countEnd(_ id: ConnectionID, at now: MonotonicTime) {
        let route = clients.slots[id.index].request.metricsRoute
        let outcome = outcome(id)
        counters.metrics.count(MetricsLayout.request(route, outcome))
        countWait(id, at: now)
        logAccess(id, outcome, at: now)
        guard outcome != .clientGone else { return }
        let took = now.milliseconds - clients.slots[id.index].beganAt.milliseconds
        counters.metrics.observe(MetricsLayout.duration(route), milliseconds: took)
        guard route.isInference, outcome == .success else { return }
        counters.metrics.observe(MetricsLayout.generation, milliseconds: took)
    }

    private func outcome(_ id: ConnectionID) -> MetricsLayout.RequestOutcome {
        guard clients.slots[id.index].request.hasWholeAnswer else {
            return clients.slots[id.index].hasGone ? .clientGone : .cut
        }
        return MetricsLayout.RequestOutcome(status: clients.slots[id.index].request.answerStatus)
    }

    /// Something came that never became a request, and is answered all the same.
    mutating func countUnreadable(status: Int, at now: MonotonicTime) {
        let outcome = MetricsLayout.RequestOutcome(status: status)
        counters.metrics.count(MetricsLayout.request(.other, outcome))
        logUnreadable(outcome, status: status, at: now)
    }

    /// The client has left while its request was served.
    func countAbort(_ id: ConnectionID) {
        let client = clients.slots[id.index]
        guard client.isInRequest else { return }
        let phase: MetricsLayout.AbortPhase =
            switch client.phase {
            case .head, .body, .spooled: .upload
            case .waiting: .waiting
            case .upstream: client.exchange.phase == .relaying ? .streaming : .beforeFirstByte
            }
        counters.metrics.count(MetricsLayout.aborts + phase.rawValue)
    }

    /// A worker is picked, after a wait or without one.
    mutating func countPick(_ id: ConnectionID, _ worker: Int, _ pool: Int, at now: MonotonicTime) {
        let policy = table.pools[pool].policyNumber
        counters.metrics.count(MetricsLayout.pick(policy, facts.reason))
        counters.metrics.count(.picks(policy), slot: table.workers[worker].lease.slot)
        clients.slots[id.index].notes.pickedAt = now
        clients.slots[id.index].notes.pick = RequestNotes.Pick(policyNumber: policy, reason: facts.reason)
        clients.slots[id.index].notes.predictedPermille =
            table.pools[pool].policy.predictedPermille(table.workers[worker], facts)
        countWait(id, at: now)
    }

    /// A wait for a worker is over, if there was one, because a worker is picked or the request has ended.
    private mutating func countWait(_ id: ConnectionID, at now: MonotonicTime) {
        guard let began = clients.slots[id.index].waitBeganAt else { return }
        clients.slots[id.index].waitBeganAt = nil
        counters.metrics.observe(MetricsLayout.queueWait, milliseconds: now.milliseconds - began.milliseconds)
    }

    /// Content of an event stream has come. Events that come together count as one; a part of an event does not count until
    /// its end has come.
    mutating func countContent(_ id: ConnectionID, isFirst: Bool, at now: MonotonicTime) {
        clients.slots[id.index].notes.contentAt = now
        // A stream of errors has no tokens.
        guard clients.slots[id.index].notes.tellsUsage else { return }
        if isFirst {
            let took = now.milliseconds - clients.slots[id.index].beganAt.milliseconds
            counters.metrics.observe(MetricsLayout.firstToken, milliseconds: took)
        }
        guard clients.slots[id.index].events.isBetweenEvents else { return }
        if let before = clients.slots[id.index].notes.eventAt {
            counters.metrics.observe(MetricsLayout.interToken, milliseconds: now.milliseconds - before.milliseconds)
        }
        clients.slots[id.index].notes.eventAt = now
    }

    /// The request is tried once more.
    mutating func willRetry(_ id: ConnectionID) {
        clients.slots[id.index].exchange.willRetry()
        counters.metrics.count(MetricsLayout.retry(clients.slots[id.index].request.metricsRoute))
    }
}

extension MetricsLayout.RequestOutcome {
    fileprivate init(status: Int) {
        switch status {
        case ..<300: self = .success
        case ..<400: self = .redirection
        case ..<500: self = .clientError
        default: self = .serverError
        }
    }
}

extension MetricsLayout.RequestRoute {
    /// The label of a request, by its route and path.
    init(_ route: Route, path: Range<Int>, of bytes: borrowing Span<UInt8>) {
        switch route {
        case .liveness, .readiness: self = .health
        case .models: self = .models
        case .firstReadyWorker: self = .metadata
        case .admin: self = .admin
        case .methodNotAllowed, .notFound: self = .other
        case .inference:
            if bytes.equals(path, "/v1/chat/completions") {
                self = .chat
            } else if bytes.equals(path, "/v1/completions") {
                self = .completions
            } else if bytes.equals(path, "/generate") {
                self = .generate
            } else if bytes.equals(path, "/v1/embeddings") {
                self = .embeddings
            } else if bytes.equals(path, "/v1/responses") {
                self = .responses
            } else if bytes.equals(path, "/v1/messages") {
                self = .messages
            } else if bytes.equals(path, "/v1/rerank") || bytes.equals(path, "/rerank") {
                self = .rerank
            } else {
                self = .otherInference
            }
        }
    }
}
