import SignalboxProtocol

/// What the access log is told of a request.
extension ProxyEngine {
    /// The request has ended.
    mutating func logAccess(_ id: ConnectionID, _ outcome: MetricsLayout.RequestOutcome, at now: MonotonicTime) {
        guard let ring = ring(for: outcome) else { return }
        let client = clients.slots[id.index]
        func since(_ time: MonotonicTime?) -> Int? { time.map { $0.milliseconds - client.beganAt.milliseconds } }
        var record = AccessRecord(
            route: client.request.metricsRoute,
            outcome: outcome,
            status: client.request.answerStatus,
            worker: client.worker?.endpoint,
            policy: client.notes.pick.map { PolicyName.allCases[$0.policyNumber] },
            reason: client.notes.pick?.reason,
            predictedPermille: client.notes.predictedPermille,
            attempts: client.exchange.attempts,
            requestBytes: client.bodyBytes,
            answerBytes: client.notes.answerBytes,
            usage: client.notes.usage,
            endedAt: now,
            readMilliseconds: since(client.notes.readAt),
            pickedMilliseconds: since(client.notes.pickedAt),
            headMilliseconds: since(client.notes.headAt),
            totalMilliseconds: now.milliseconds - client.beganAt.milliseconds
        )
        if let value = requestIDValue(id) {
            for (offset, index) in value.prefix(AccessRecord.idBytesMax).enumerated() {
                record.id[offset] = client.request.head.storage[index]
            }
            record.idCount = min(value.count, AccessRecord.idBytesMax)
        }
        put(record, into: ring)
    }

    /// Something that never became a request was answered: nothing of it is known but the answer.
    mutating func logUnreadable(_ outcome: MetricsLayout.RequestOutcome, status: Int, at now: MonotonicTime) {
        guard let ring = ring(for: outcome) else { return }
        put(AccessRecord(unreadable: outcome, status: status, endedAt: now), into: ring)
    }

    /// Where the request is left that has ended so; nil when nobody wants to read of it.
    private mutating func ring(for outcome: MetricsLayout.RequestOutcome) -> AccessRing? {
        guard let ring = counters.accessRing else { return nil }
        ended &+= 1
        let isFailure = outcome == .serverError || outcome == .cut
        return isFailure || ring.sampleEvery == 1 || ended % ring.sampleEvery == 0 ? ring : nil
    }

    private func put(_ record: AccessRecord, into ring: AccessRing) {
        if !ring.put(record) { counters.metrics.count(MetricsLayout.accessLinesLost) }
    }

    /// Where the request's id stands in the head that is held of it.
    private func requestIDValue(_ id: ConnectionID) -> Range<Int>? {
        let line = clients.slots[id.index].request.idLine
        let name = 14  // `X-Request-Id: `
        guard line.count > name + 2, line.upperBound <= clients.slots[id.index].request.head.count else { return nil }
        return (line.lowerBound + name)..<(line.upperBound - 2)
    }
}
