import SignalboxProtocol

/// What an answer says of the way that its request took, for clients that ask.
extension ProxyEngine {
    /// Appends the field lines that this request's answer gets; nothing for most.
    mutating func appendDiagnostics(_ id: ConnectionID, at now: MonotonicTime) {
        if table.settings.workerField == 1, let worker = clients.slots[id.index].worker {
            output.append(worker.endpoint.workerLine)
        }
        if let snapshot = snapshotValue(for: id, at: now) {
            output.append("X-Signalbox-Snapshot: ")
            output.append(snapshot)
            output.append("\r\n")
        }
        if let explanation = clients.slots[id.index].request.explanation {
            output.append("X-Signalbox-Explain: ")
            output.append(explanation)
            output.append("\r\n")
        }
    }

    /// The snapshot that is served, where it came from, and for how long the control plane has not been heard; nil when the
    /// request does not ask.
    func snapshotValue(for id: ConnectionID, at now: MonotonicTime) -> String? {
        guard clients.slots[id.index].request.asksForSnapshot else { return nil }
        let source =
            switch origin.source {
            case .none: "none"
            case .controlPlane: "control_plane"
            case .cache: "cache"
            }
        let silent = origin.silentMilliseconds(at: now) ?? 0
        let version = table.version?.description ?? "none"
        return "\(version); source=\(source); silent_seconds=\(silent / 1000).\(silent % 1000 / 100)"
    }

    /// Keeps why the worker is picked, while the setting says so: for operators, and for the client when it asks.
    mutating func explain(_ id: ConnectionID, _ index: Int, _ pool: Int, at now: MonotonicTime) {
        guard table.settings.explain == 1 else { return }
        let filter = WorkerFilter(loads: loads, now: now, tried: clients.slots[id.index].tried)
        let explanation = PickExplanation(table.pools[pool], of: table.workers, picked: index, filter, facts)
        let name = clients.slots[id.index].request.name ?? givenName(id) ?? RequestName.made(using: &random)
        clients.slots[id.index].request.name = name
        explanations.note(explanation, of: name, version: table.version, at: now)
        guard clients.slots[id.index].request.asksForExplanation else { return }
        clients.slots[id.index].request.explanation = explanation.text(version: table.version, request: name)
    }

    /// The request's `X-Request-Id`; nil without one that operators can be shown.
    private func givenName(_ id: ConnectionID) -> String? {
        let held = clients.slots[id.index].request.head
        let head = held.storage.span
        var index = clients.slots[id.index].request.targetEnd
        while let (name, value) = head.nextField(at: &index) {
            guard head.equalsIgnoringCase(name, "x-request-id") else { continue }
            guard RequestName.isAcceptable(head, value) else { return nil }
            var bytes: [UInt8] = []
            for position in value { bytes.append(head[position]) }
            return String(decoding: bytes, as: UTF8.self)
        }
        return nil
    }
}
