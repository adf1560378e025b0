/// The checked target of a request (RFC 9112 section 3.2) as offsets into the head.
public struct RequestTarget: Sendable, Equatable {
    /// What is sent on: path and query. Empty for the asterisk form.
    public var forwarded: Range<Int>
    /// The path alone, which routes are matched against.
    public var path: Range<Int>
    /// The question mark and what follows it; empty without one.
    public var query: Range<Int> { path.upperBound..<max(path.upperBound, forwarded.upperBound) }
    /// The authority of an absolute form, which then stands for the `Host` field.
    public var authority: Range<Int>?

    /// Reads the origin, absolute or asterisk form; the authority form belongs to CONNECT, which is not served.
    init(_ range: Range<Int>, in bytes: borrowing Span<UInt8>, method: HTTPMethod) throws(HTTPFault) {
        guard method != .connect else { throw HTTPFault(400, "CONNECT is not served here.") }
        let query = try RequestTarget.checkBytes(range, bytes)
        if range.count == 1 && bytes[range.lowerBound] == ASCII.asterisk {
            guard method == .options else { throw HTTPFault(400, "The target '*' belongs to OPTIONS only.") }
            self.init(forwarded: range, path: range, authority: nil)
            return
        }
        var pathStart = range.lowerBound
        var authority: Range<Int>?
        if let start = RequestTarget.authorityStart(range, bytes) {
            pathStart = start
            while pathStart < range.upperBound && bytes[pathStart] != ASCII.slash && bytes[pathStart] != ASCII.question
            {
                pathStart += 1
            }
            authority = start..<pathStart
            try HostGrammar.check(start..<pathStart, in: bytes)
            if pathStart == range.upperBound || bytes[pathStart] == ASCII.question {
                // An empty path is the path '/' (RFC 9110 section 4.2.3); one stands right before the authority. Nothing is
                // served there that would read a query.
                self.init(forwarded: start - 1..<start, path: start - 1..<start, authority: authority)
                return
            }
        }
        guard pathStart < range.upperBound, bytes[pathStart] == ASCII.slash else {
            throw HTTPFault(400, "The request target must begin with a slash.")
        }
        let path = pathStart..<query.start
        if query.pathMayHaveDots { try RequestTarget.checkSegments(path, bytes) }
        self.init(forwarded: pathStart..<range.upperBound, path: path, authority: authority)
    }

    private init(forwarded: Range<Int>, path: Range<Int>, authority: Range<Int>?) {
        self.forwarded = forwarded
        self.path = path
        self.authority = authority
    }

    /// Visible ASCII without ``#"<>``, nor ``\^`{}`` in the path, and whole percent-encodings (RFC 3986 sections 2.1, 3.3).
    ///
    /// Brackets and a bar pass, and in a query all that browsers leave there as it is (decision 0008).
    ///
    /// - Returns: where the query begins, which is the end when there is none, and whether anything before it could
    ///   spell a dot.
    private static func checkBytes(
        _ range: Range<Int>,
        _ bytes: borrowing Span<UInt8>
    ) throws(HTTPFault) -> (start: Int, pathMayHaveDots: Bool) {
        guard !range.isEmpty else { throw HTTPFault(400, "The request target is empty.") }
        var queryStart = range.upperBound
        var pathMayHaveDots = false
        for index in range where !ByteSet.plainTarget.contains(bytes[index]) {
            switch bytes[index] {
            case ASCII.question: queryStart = min(queryStart, index)
            case ASCII.dot: if index < queryStart { pathMayHaveDots = true }
            case ASCII.percent:
                guard index + 2 < range.upperBound, ASCII.hexadecimalValue(bytes[index + 1]) != nil,
                    ASCII.hexadecimalValue(bytes[index + 2]) != nil
                else { throw HTTPFault(400, "The request target has a broken percent-encoding.") }
                if index < queryStart { pathMayHaveDots = true }
            case let byte where index > queryStart && ByteSet.onlyQuery.contains(byte): continue
            default: throw HTTPFault(400, "The request target has a character that is not allowed.")
            }
        }
        return (queryStart, pathMayHaveDots)
    }

    /// Where the authority of an absolute form begins; only `http` reaches this port.
    private static func authorityStart(_ range: Range<Int>, _ bytes: borrowing Span<UInt8>) -> Int? {
        let scheme = 7
        guard range.count > scheme else { return nil }
        let start = range.lowerBound + scheme
        return bytes.equalsIgnoringCase(range.lowerBound..<start, "http://") ? start : nil
    }

    /// Refuses `.` and `..` segments, also percent-encoded: a worker would resolve what the routes here did not see.
    private static func checkSegments(_ path: Range<Int>, _ bytes: borrowing Span<UInt8>) throws(HTTPFault) {
        var dots = 0
        var others = 0
        var index = path.lowerBound + 1
        while true {
            if index >= path.upperBound || bytes[index] == ASCII.slash {
                if others == 0 && (dots == 1 || dots == 2) {
                    throw HTTPFault(400, "The request target has a '.' or '..' segment.")
                }
                if index >= path.upperBound { return }
                dots = 0
                others = 0
                index += 1
            } else if bytes[index] == ASCII.dot {
                dots += 1
                index += 1
            } else if bytes[index] == ASCII.percent && bytes[index + 1] == 0x32 && bytes[index + 2] | 0x20 == 0x65 {
                dots += 1
                index += 3
            } else {
                others += 1
                index += 1
            }
        }
    }
}
