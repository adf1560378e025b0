/// One header field as offsets into the head it was read from.
public struct Field: Sendable {
    var name: FieldName
    var nameStart: UInt32
    var nameEnd: UInt32
    var valueStart: UInt32
    var valueEnd: UInt32

    var nameRange: Range<Int> { Int(nameStart)..<Int(nameEnd) }
    /// Without white space around it.
    var valueRange: Range<Int> { Int(valueStart)..<Int(valueEnd) }
    /// Name, colon, white space and value as they stood in the head, without the line's end.
    var lineRange: Range<Int> { Int(nameStart)..<Int(valueEnd) }
}

/// The fields of one head. One table serves all heads of a thread, so that reading a head allocates nothing.
public struct FieldTable: Sendable {
    private(set) var fields: [Field] = []
    /// Whether a `Connection` field names fields beside `close` and `keep-alive`.
    private(set) var nominates = false

    public init() {
        fields.reserveCapacity(128)
    }

    mutating func clear() {
        fields.removeAll(keepingCapacity: true)
        nominates = false
    }

    mutating func noteNomination() {
        nominates = true
    }

    /// Reads the field line (RFC 9112 section 5) that begins at `start` and adds it; `start` is moved behind its CR LF.
    ///
    /// Name and value are each read once: where a valid name or value ends is where the line must go on.
    mutating func add(
        at start: inout Int,
        of bytes: borrowing Span<UInt8>,
        limits: HTTPLimits
    ) throws(HTTPFault) -> Field {
        guard fields.count < limits.fieldsMax else {
            throw HTTPFault(431, "The message has too many header fields (--max-header-fields).")
        }
        let colon = bytes.tokenEnd(from: start)
        guard colon < bytes.count, bytes[colon] == ASCII.colon, colon > start else {
            throw HTTPFault(400, "A header line has no valid field name before a colon.")
        }
        let end = bytes.fieldValueEnd(from: colon + 1)
        guard end < bytes.count, bytes[end] != ASCII.lineFeed else {
            throw HTTPFault(400, "A line of the head does not end in CR LF.")
        }
        guard bytes[end] == ASCII.carriageReturn, end + 1 < bytes.count, bytes[end + 1] == ASCII.lineFeed else {
            throw HTTPFault(400, "A header field's value has a control character.")
        }
        let value = bytes.trimmed(colon + 1..<end)
        let field = Field(
            name: FieldName(bytes, start..<colon),
            nameStart: UInt32(start),
            nameEnd: UInt32(colon),
            valueStart: UInt32(value.lowerBound),
            valueEnd: UInt32(value.upperBound)
        )
        start = end + 2
        fields.append(field)
        return field
    }

    /// Whether a `Connection` field names this field, which makes it hop-by-hop (RFC 9110 section 7.6.1).
    func isNominated(_ field: Field, in bytes: borrowing Span<UInt8>) -> Bool {
        guard nominates else { return false }
        for connection in fields where connection.name == .connection {
            var tokens = TokenList(connection.valueRange)
            while let token = tokens.next(in: bytes) {
                if sameIgnoringCase(token, field.nameRange, bytes) { return true }
            }
        }
        return false
    }

    private func sameIgnoringCase(_ one: Range<Int>, _ other: Range<Int>, _ bytes: borrowing Span<UInt8>) -> Bool {
        guard one.count == other.count else { return false }
        for offset in 0..<one.count {
            let first = ASCII.lowercased(bytes[one.lowerBound + offset])
            if first != ASCII.lowercased(bytes[other.lowerBound + offset]) { return false }
        }
        return true
    }
}

/// Walks over a comma-separated list (RFC 9110 section 5.6.1); empty elements are passed over.
struct TokenList {
    private var position: Int
    private let end: Int

    init(_ range: Range<Int>) {
        position = range.lowerBound
        end = range.upperBound
    }

    mutating func next(in bytes: borrowing Span<UInt8>) -> Range<Int>? {
        while position < end {
            let start = position
            position = bytes.firstIndex(of: ASCII.comma, in: start..<end) ?? end
            let element = bytes.trimmed(start..<position)
            if position < end { position += 1 }
            if !element.isEmpty { return element }
        }
        return nil
    }
}
