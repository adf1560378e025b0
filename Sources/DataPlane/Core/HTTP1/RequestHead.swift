/// A request's head, read and checked (RFC 9112 sections 3 to 6). Offsets count from the head's first byte.
public struct RequestHead: Sendable {
    public var method: HTTPMethod
    public var methodRange: Range<Int>
    public var target: RequestTarget
    /// 0 for HTTP/1.0, 1 for HTTP/1.1.
    public var minorVersion: Int
    public var framing: BodyFraming = .none
    public var keepAlive: Bool
    /// The client waits for `100 Continue` before it sends its body.
    public var expectsContinue = false
    public var contentType: RequestContentType = .absent
    /// `X-Signalbox-Snapshot` is there.
    public var asksForSnapshot = false
    /// `X-Signalbox-Explain` is there.
    public var asksForExplanation = false

    /// Reads a whole head, its final empty line included. The fields are left in `fields`.
    public static func parse(
        _ bytes: borrowing Span<UInt8>,
        into fields: inout FieldTable,
        limits: HTTPLimits
    ) throws(HTTPFault) -> RequestHead {
        fields.clear()
        var lineStart = 0
        let requestLine = try firstLine(&lineStart, bytes)
        var head = try RequestHead(requestLine: requestLine, of: bytes, limits: limits)
        var framing = FramingFields()
        var connection = ConnectionOptions()
        var hosts = 0

        while !bytes.hasLineEnd(at: lineStart) {
            let field = try fields.add(at: &lineStart, of: bytes, limits: limits)
            switch field.name {
            case .contentLength, .transferEncoding: try framing.take(field, of: bytes)
            case .connection: try connection.take(field, of: bytes, table: &fields)
            case .host:
                hosts += 1
                try HostGrammar.check(field.valueRange, in: bytes)
            case .expect: try head.takeExpectation(field, bytes)
            case .snapshot: head.asksForSnapshot = true
            case .explain: head.asksForExplanation = true
            case .contentType: head.contentType.take(field.valueRange, bytes)
            default: break
            }
        }
        guard hosts == 1 || hosts == 0 && head.minorVersion == 0 else {
            throw HTTPFault(400, "A request needs exactly one Host field.")
        }
        head.framing = try framing.framing() ?? .none
        if head.framing == .chunked && head.minorVersion == 0 {
            throw HTTPFault(400, "HTTP/1.0 has no Transfer-Encoding.")
        }
        head.keepAlive = connection.keepsAlive(minorVersion: head.minorVersion)
        return head
    }

    /// Checks a first line by itself, so that what can never become a request is refused before its head is whole.
    public init(
        requestLine line: Range<Int>,
        of bytes: borrowing Span<UInt8>,
        limits: HTTPLimits
    ) throws(HTTPFault) {
        guard line.count <= limits.requestLineBytesMax else {
            throw HTTPFault(414, "The request line is too long (--max-request-line-bytes).")
        }
        let methodEnd = min(bytes.tokenEnd(from: line.lowerBound), line.upperBound)
        methodRange = line.lowerBound..<methodEnd
        guard !methodRange.isEmpty, methodEnd < line.upperBound, bytes[methodEnd] == ASCII.space else {
            throw HTTPFault(400, "The request line does not begin with a method and a space.")
        }
        guard methodRange.count <= 32 else { throw HTTPFault(400, "The method's name is too long.") }
        method = HTTPMethod(bytes, methodRange)
        let targetStart = methodEnd + 1
        guard let targetEnd = bytes.firstIndex(of: ASCII.space, in: targetStart..<line.upperBound) else {
            throw HTTPFault(400, "The request line has no HTTP version.")
        }
        minorVersion = try RequestHead.minorVersion(targetEnd + 1..<line.upperBound, bytes)
        target = try RequestTarget(targetStart..<targetEnd, in: bytes, method: method)
        keepAlive = minorVersion == 1
    }

    private static func minorVersion(_ range: Range<Int>, _ bytes: borrowing Span<UInt8>) throws(HTTPFault) -> Int {
        guard range.count == 8, bytes.hasPrefix(range, "HTTP/"), ASCII.isDigit(bytes[range.lowerBound + 5]),
            bytes[range.lowerBound + 6] == ASCII.dot, ASCII.isDigit(bytes[range.lowerBound + 7])
        else { throw HTTPFault(400, "The request line does not end in an HTTP version.") }
        guard bytes[range.lowerBound + 5] == 0x31 else {
            throw HTTPFault(505, "Only HTTP/1.1 and HTTP/1.0 are served here.")
        }
        // A higher minor version is read as 1.1 (RFC 9110 section 2.5).
        return min(1, Int(bytes[range.lowerBound + 7] - ASCII.zero))
    }

    private mutating func takeExpectation(_ field: Field, _ bytes: borrowing Span<UInt8>) throws(HTTPFault) {
        guard !expectsContinue, bytes.equalsIgnoringCase(field.valueRange, "100-continue") else {
            throw HTTPFault(417, "Only 'Expect: 100-continue' can be met.")
        }
        expectsContinue = minorVersion == 1
    }

    /// The first line without its CR LF; `start` is moved behind it.
    static func firstLine(_ start: inout Int, _ bytes: borrowing Span<UInt8>) throws(HTTPFault) -> Range<Int> {
        let lineStart = start
        guard let lineFeed = bytes.firstIndex(of: ASCII.lineFeed, in: start..<bytes.count), lineFeed > lineStart,
            bytes[lineFeed - 1] == ASCII.carriageReturn
        else { throw HTTPFault(400, "A line of the head does not end in CR LF.") }
        start = lineFeed + 1
        return lineStart..<lineFeed - 1
    }
}

/// What the body of a request is declared to be, as far as that matters here.
public enum RequestContentType: Sendable, Equatable {
    case absent
    /// JSON, or a type that clients send by default when they mean JSON (`curl -d`).
    case json
    case other

    /// Takes one field. What is JSON for any reader is JSON here: in one of several fields, or in a list.
    mutating func take(_ range: Range<Int>, _ bytes: borrowing Span<UInt8>) {
        if bytes.equalsIgnoringCase(range, "application/json") {
            self = .json
            return
        }
        if self == .absent { self = .other }
        var start = range.lowerBound
        while start <= range.upperBound {
            let end = bytes.firstIndex(of: ASCII.comma, in: start..<range.upperBound) ?? range.upperBound
            if RequestContentType.isJSON(bytes.mediaType(start..<end), bytes) { self = .json }
            start = end + 1
        }
    }

    private static func isJSON(_ essence: Range<Int>, _ bytes: borrowing Span<UInt8>) -> Bool {
        let suffixStart = max(essence.lowerBound, essence.upperBound - 5)
        return bytes.equalsIgnoringCase(essence, "application/json")
            || bytes.equalsIgnoringCase(essence, "text/json")
            || bytes.equalsIgnoringCase(essence, "text/plain")
            || bytes.equalsIgnoringCase(essence, "application/x-www-form-urlencoded")
            || bytes.equalsIgnoringCase(suffixStart..<essence.upperBound, "+json")
    }
}

/// The options of `Connection` fields (RFC 9110 section 7.6.1).
struct ConnectionOptions {
    /// Most options in one head: each one that names a field is compared with every field.
    private static let optionsMax = 32

    private var count = 0
    private var close = false
    private var keepAlive = false

    mutating func take(
        _ field: Field,
        of bytes: borrowing Span<UInt8>,
        table: inout FieldTable
    ) throws(HTTPFault) {
        var tokens = TokenList(field.valueRange)
        while let token = tokens.next(in: bytes) {
            count += 1
            guard count <= ConnectionOptions.optionsMax else {
                throw HTTPFault(400, "The Connection field has too many options.")
            }
            if bytes.equalsIgnoringCase(token, "close") {
                close = true
            } else if bytes.equalsIgnoringCase(token, "keep-alive") {
                keepAlive = true
            } else {
                table.noteNomination()
            }
        }
    }

    func keepsAlive(minorVersion: Int) -> Bool {
        !close && (minorVersion == 1 || keepAlive)
    }
}
