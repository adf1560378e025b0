import SignalboxProtocol

extension ProxyEngine {
    /// Keeps what is sent on of a head: method, target and the end-to-end fields (RFC 9110 section 7.6.1), with what
    /// the proxy itself adds.
    mutating func holdHead(_ id: ConnectionID, _ head: RequestHead, _ bytes: borrowing Span<UInt8>) {
        var held = takeBuffer()
        held.append(bytes.extracting(head.methodRange))
        clients.slots[id.index].request.methodEnd = held.count
        held.append(bytes.extracting(head.target.forwarded))
        clients.slots[id.index].request.targetEnd = held.count
        var cameForwarded = ForwardedSeen()
        let trace = TraceContext(fields, in: bytes)
        for field in fields.fields {
            guard !field.name.isHopByHop, field.name != .host, field.name != .expect else { continue }
            guard !fields.isNominated(field, in: bytes), passes(field, trace, &cameForwarded) else { continue }
            held.append(line: bytes.extracting(field.lineRange))
        }
        holdRequestID(id, head.target.path, bytes, in: &held)
        if !trace.isValid && table.settings.traceContext == .begin && clients.slots[id.index].request.route != .admin {
            TraceContext.appendNew(to: &held, using: &requestIDs)
        }
        if clients.slots[id.index].request.route == .admin {
            held.append("X-Signalbox-Source-Address: ")
            held.append(clients.slots[id.index].peer.address)
            held.append("\r\n")
        } else {
            addForwardedFields(to: &held, clients.slots[id.index].peer, cameForwarded, bytes)
            // A gateway names itself to the next server (RFC 9110 section 7.6.3); a line of its own stands behind those
            // that came and means the same as a longer list.
            held.append(head.minorVersion == 1 ? table.viaLines.1 : table.viaLines.0)
        }
        clients.slots[id.index].request.head = held
        clients.slots[id.index].request.keys = table.readsKeys ? RoutingKeys(fields, in: bytes) : RoutingKeys()
    }

    /// What a client said about those before it.
    private struct ForwardedSeen {
        var address = false
        var scheme = false
    }

    /// Whether a field that is not hop-by-hop goes on as it is (``RoutingSettings/forwardedFields``).
    private func passes(_ field: Field, _ trace: TraceContext, _ seen: inout ForwardedSeen) -> Bool {
        switch field.name {
        case .traceparent: return trace.isValid || table.settings.traceContext == .pass
        case .tracestate: return trace.isValid && trace.isStateValid || table.settings.traceContext == .pass
        case .requestID: return table.requestIDFields.isEmpty
        case .xForwardedFor:
            seen.address = true
            return table.settings.forwardedFields == .pass
        case .xForwardedProto:
            seen.scheme = true
            return table.settings.forwardedFields == .pass || table.settings.forwardedFields == .append
        default: return true
        }
    }

    private func addForwardedFields(
        to held: inout ByteBuffer,
        _ peer: ClientPeer,
        _ seen: ForwardedSeen,
        _ bytes: borrowing Span<UInt8>
    ) {
        switch table.settings.forwardedFields {
        case .pass, .remove: return
        case .append, .replace: break
        }
        held.append("X-Forwarded-For: ")
        if seen.address && table.settings.forwardedFields == .append {
            for field in fields.fields where field.name == .xForwardedFor && !field.valueRange.isEmpty {
                held.append(bytes.extracting(field.valueRange))
                held.append(", ")
            }
        }
        held.append(peer.address)
        held.append("\r\n")
        if !seen.scheme || table.settings.forwardedFields == .replace { held.append("X-Forwarded-Proto: http\r\n") }
    }

    /// Whether the request has passed routers of this name so often that it must be going round: a worker's URL that
    /// leads back here would else use up every descriptor.
    func isGoingRound(_ bytes: borrowing Span<UInt8>) -> Bool {
        guard !table.settings.via.isEmpty else { return false }
        var hops = 0
        for field in fields.fields where field.name == .via {
            var elements = TokenList(field.valueRange)
            while let element = elements.next(in: bytes) {
                if bytes.hasSuffix(element, behindSpace: table.settings.via) { hops += 1 }
            }
        }
        return hops >= configuration.viaHopsMax
    }
}

extension Span where Element == UInt8 {
    /// Whether the bytes of `range` end in a space and `text`.
    fileprivate func hasSuffix(_ range: Range<Int>, behindSpace text: String) -> Bool {
        let count = text.utf8.count
        guard range.count > count, self[range.upperBound - count - 1] == ASCII.space else { return false }
        var index = range.upperBound - count
        for byte in text.utf8 {
            guard self[index] == byte else { return false }
            index += 1
        }
        return true
    }
}
