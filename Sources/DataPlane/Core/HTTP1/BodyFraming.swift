/// How the end of a message's body is found (RFC 9112 section 6.3).
public enum BodyFraming: Sendable, Equatable {
    case none
    case length(Int)
    case chunked
    /// Responses only: the body lasts until the connection closes.
    case untilClose

    /// The length, where one is declared.
    var length: Int? {
        if case .length(let bytes) = self { return bytes }
        return nil
    }
}

/// Reads the framing fields of one head and refuses every contradiction.
struct FramingFields {
    private var length: Int?
    private var chunked = false

    /// Takes a `Content-Length` or `Transfer-Encoding` field; other fields are ignored.
    mutating func take(_ field: Field, of bytes: borrowing Span<UInt8>) throws(HTTPFault) {
        switch field.name {
        case .contentLength:
            guard length == nil else { throw HTTPFault(400, "Content-Length stands twice.") }
            length = try FramingFields.number(field.valueRange, bytes)
        case .transferEncoding:
            guard !chunked else { throw HTTPFault(400, "Transfer-Encoding stands twice.") }
            guard bytes.equalsIgnoringCase(field.valueRange, "chunked") else {
                throw HTTPFault(400, "Transfer-Encoding is not exactly 'chunked'.")
            }
            chunked = true
        default: break
        }
    }

    /// The framing that the fields say, or nil when there was none of them.
    func framing() throws(HTTPFault) -> BodyFraming? {
        guard chunked else { return length.map { .length($0) } }
        guard length == nil else { throw HTTPFault(400, "Content-Length and Transfer-Encoding stand together.") }
        return .chunked
    }

    /// `1*DIGIT` of at most 18 digits, which no `Int` overflows.
    private static func number(_ range: Range<Int>, _ bytes: borrowing Span<UInt8>) throws(HTTPFault) -> Int {
        guard !range.isEmpty, range.count <= 18 else { throw HTTPFault(400, "Content-Length is not a valid number.") }
        var value = 0
        for index in range {
            guard ASCII.isDigit(bytes[index]) else { throw HTTPFault(400, "Content-Length is not a valid number.") }
            value = value * 10 + Int(bytes[index] - ASCII.zero)
        }
        return value
    }
}
