/// How a request is named towards its client, its worker and logs (specification section 1).
extension ProxyEngine {
    /// Holds the id of a request that gets a local answer.
    mutating func holdRequestID(_ id: ConnectionID, _ path: Range<Int>, _ bytes: borrowing Span<UInt8>) {
        guard !table.requestIDFields.isEmpty else { return }
        var held = takeBuffer()
        holdRequestID(id, path, bytes, in: &held)
        clients.slots[id.index].request.head = held
    }

    /// Appends the field with the request's id: the client's where one is acceptable, else a made one.
    mutating func holdRequestID(
        _ id: ConnectionID,
        _ path: Range<Int>,
        _ bytes: borrowing Span<UInt8>,
        in held: inout ByteBuffer
    ) {
        guard !table.requestIDFields.isEmpty else { return }
        let start = held.count
        held.append("X-Request-Id: ")
        if let given = givenRequestID(bytes) {
            held.append(bytes.extracting(given))
        } else {
            held.append(RequestName.prefix(path: path, of: bytes))
            RequestName.appendRandom(to: &held, using: &requestIDs)
        }
        held.append("\r\n")
        clients.slots[id.index].request.idLine = start..<held.count
    }

    /// The first field of the setting's that the request has with an acceptable value.
    private func givenRequestID(_ bytes: borrowing Span<UInt8>) -> Range<Int>? {
        for name in table.requestIDFields {
            for field in fields.fields where bytes.equalsIgnoringCase(field.nameRange, lowercase: name) {
                if RequestName.isAcceptable(bytes, field.valueRange) { return field.valueRange }
            }
        }
        return nil
    }

    /// Whether the proxy sets the field in an answer that it passes on; the control plane does so by itself.
    func namesRequestInAnswer(_ client: ConnectionID) -> Bool {
        !clients.slots[client.index].request.idLine.isEmpty && clients.slots[client.index].request.route != .admin
    }
}
