/// A worker's response head, read and checked (RFC 9112 section 4). Offsets count from the head's first byte.
public struct ResponseHead: Sendable {
    public var status: Int
    /// Status code and reason phrase as they stood.
    public var statusRange: Range<Int>
    /// 0 for HTTP/1.0, 1 for HTTP/1.1.
    public var minorVersion: Int
    public var framing: BodyFraming = .untilClose
    /// The length that a head without a body gives nevertheless: that of the body which a GET would have got. It is
    /// passed on (RFC 9110 section 8.6), except with 204, which must not have one.
    public var lengthWithoutBody: Int?
    public var keepAlive = false
    public var isEventStream = false
    public var isContentEncoded = false
    public var hasDate = false

    /// 1xx: another head follows.
    public var isInterim: Bool { status < 200 }

    /// Reads a whole head, its final empty line included. The fields are left in `fields`.
    ///
    /// - Parameter isAnswerToHead: responses to HEAD have no body, whatever their fields say.
    public static func parse(
        _ bytes: borrowing Span<UInt8>,
        into fields: inout FieldTable,
        isAnswerToHead: Bool,
        limits: HTTPLimits
    ) throws(HTTPFault) -> ResponseHead {
        fields.clear()
        var lineStart = 0
        let statusLine = try RequestHead.firstLine(&lineStart, bytes)
        var head = try ResponseHead(statusLine: statusLine, of: bytes)
        var framing = FramingFields()
        var connection = ConnectionOptions()
        var types = 0

        while !bytes.hasLineEnd(at: lineStart) {
            let field = try fields.add(at: &lineStart, of: bytes, limits: limits)
            switch field.name {
            case .contentLength, .transferEncoding: try framing.take(field, of: bytes)
            case .connection: try connection.take(field, of: bytes, table: &fields)
            case .contentType:
                // Of two types nobody knows which one counts.
                head.isEventStream = types == 0 && ResponseHead.isEventStream(field.valueRange, bytes)
                types += 1
            case .contentEncoding where !bytes.equalsIgnoringCase(field.valueRange, "identity"):
                head.isContentEncoded = true
            case .date: head.hasDate = true
            default: break
            }
        }
        let declared = try framing.framing()
        if declared == .chunked && head.minorVersion == 0 {
            throw HTTPFault(502, "The worker sent Transfer-Encoding in an HTTP/1.0 response.")
        }
        let hasNoBody = isAnswerToHead || head.isInterim || head.status == 204 || head.status == 304
        if hasNoBody, head.status != 204, !head.isInterim, case .length(let length) = declared {
            head.lengthWithoutBody = length
        }
        head.framing = hasNoBody ? .none : declared ?? .untilClose
        // Content behind a 204 would be taken for the next response.
        let hidesContent = head.status == 204 && declared != nil && declared != .length(0)
        head.keepAlive =
            connection.keepsAlive(minorVersion: head.minorVersion) && head.framing != .untilClose && !hidesContent
        return head
    }

    /// Whether a `Content-Type` is `text/event-stream`, with any parameters.
    private static func isEventStream(_ value: Range<Int>, _ bytes: borrowing Span<UInt8>) -> Bool {
        let end = min(value.lowerBound + 17, value.upperBound)
        guard bytes.equalsIgnoringCase(value.lowerBound..<end, "text/event-stream") else { return false }
        return end == value.upperBound || bytes[end] == ASCII.semicolon || bytes[end] == ASCII.space
            || bytes[end] == ASCII.tab
    }

    /// `HTTP/1.x SP 3DIGIT [SP reason]`.
    private init(statusLine line: Range<Int>, of bytes: borrowing Span<UInt8>) throws(HTTPFault) {
        let fault = HTTPFault(502, "The worker's status line is not valid.")
        let start = line.lowerBound
        guard line.count >= 12, bytes.hasPrefix(line, "HTTP/1."), bytes[start + 8] == ASCII.space else { throw fault }
        let minor = bytes[start + 7]
        guard minor == 0x30 || minor == 0x31 else { throw fault }
        minorVersion = Int(minor - ASCII.zero)
        var code = 0
        for index in start + 9..<start + 12 {
            guard ASCII.isDigit(bytes[index]) else { throw fault }
            code = code * 10 + Int(bytes[index] - ASCII.zero)
        }
        guard code >= 100, code <= 599 else { throw fault }
        guard line.count == 12 || bytes[start + 12] == ASCII.space else { throw fault }
        guard bytes.fieldValueEnd(from: start + 12) >= line.upperBound else { throw fault }
        status = code
        statusRange = start + 9..<line.upperBound
    }
}
