import Testing

@testable import DataPlaneCore

struct RequestHeadTests {
    private func parse(_ text: String) throws -> RequestHead {
        var fields = FieldTable()
        let bytes = Array(text.unicodeScalars.map { UInt8($0.value) })
        return try RequestHead.parse(bytes.span, into: &fields, limits: HTTPLimits())
    }

    @Test("A plain request is read")
    func plain() throws {
        let head = try parse("POST /v1/x?y=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nExpect: 100-Continue\r\n\r\n")
        #expect(head.method == .post)
        #expect(head.target.path.count == 5)
        #expect(head.target.forwarded.count == 9)
        #expect(head.framing == .length(12))
        #expect(head.keepAlive)
        #expect(head.expectsContinue)
    }

    @Test(
        "Heads that break a rule are refused with the right status",
        arguments: [
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
            ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
            ("GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505),
            ("CONNECT /workers HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET / http/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET /v1/../workers HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET /v1/%2E%2e/workers HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET /v1/.. HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: b\u{0}\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: b\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999999999\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{B}chunked\r\n\r\n", 400),
            ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417),
            ("GET / HTTP/1.1\r\nHost: a\r\nConnection: " + String(repeating: "a,", count: 33) + "\r\n\r\n", 400),
        ]
    )
    func refusals(text: String, status: Int) {
        do {
            _ = try parse(text)
            Issue.record("accepted: \(text.debugDescription)")
        } catch {
            #expect((error as? HTTPFault)?.status == status, "\(text.debugDescription)")
        }
    }

    @Test("A request line of 20,000 bytes is 414, more than 128 fields are 431")
    func limits() {
        let long = "GET /" + String(repeating: "a", count: 20_000) + " HTTP/1.1\r\nHost: a\r\n\r\n"
        #expect(throws: HTTPFault(414, "The request line is too long (--max-request-line-bytes).")) { try parse(long) }
        let many = "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: y\r\n", count: 128) + "\r\n"
        #expect(throws: HTTPFault(431, "The message has too many header fields (--max-header-fields).")) {
            try parse(many)
        }
    }

    @Test(
        "Connections persist as RFC 9112 section 9.3 says",
        arguments: [
            ("HTTP/1.1\r\nHost: a\r\n\r\n", true),
            ("HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", false),
            ("HTTP/1.1\r\nHost: a\r\nConnection: foo, close\r\n\r\n", false),
            ("HTTP/1.0\r\n\r\n", false),
            ("HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true),
        ]
    )
    func persistence(rest: String, keepAlive: Bool) throws {
        #expect(try parse("GET / " + rest).keepAlive == keepAlive)
    }

    @Test("An absolute form gives path and authority, and is checked like a Host")
    func absoluteForm() throws {
        let head = try parse("GET http://a.test:80/health?x HTTP/1.1\r\nHost: a.test\r\n\r\n")
        #expect(head.target.path.count == 7)
        #expect(head.target.authority?.count == 9)
        #expect(throws: HTTPFault.self) { try parse("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n") }
        let bare = try parse("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(bare.target.path == 10..<11 && bare.target.forwarded == 10..<11)
        let query = try parse("GET http://a?b=c HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(query.target.path == 10..<11 && query.target.forwarded == 10..<11 && query.target.query.isEmpty)
    }

    @Test("A host's percent sign needs two digits, and its port must exist")
    func hostOddities() throws {
        for (host, isAccepted) in [
            ("a%41", true), ("a%4", false), ("a%zz", false), ("a:65535", true), ("a:65536", false), ("a:", true),
        ] {
            #expect(((try? parse("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n")) != nil) == isAccepted, "\(host)")
        }
    }

    @Test("Every byte of a name is a token byte, or the head is refused", arguments: UInt8.min...UInt8.max)
    func nameBytes(byte: UInt8) {
        var bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nX-".utf8)
        bytes.append(byte)
        bytes += Array("A: b\r\n\r\n".utf8)
        var fields = FieldTable()
        let allowed = "!#$%&'*+-.^_`|~".utf8.contains(byte) || ASCII.isDigit(byte) || ASCII.isLetter(byte)
        // A colon ends the name early, which leaves a valid field with another value.
        let isAccepted = (try? RequestHead.parse(bytes.span, into: &fields, limits: HTTPLimits())) != nil
        #expect(isAccepted == (allowed || byte == ASCII.colon))
    }

    @Test("The end of a head is found wherever it was cut, and a bare line feed is refused at once")
    func headEnd() throws {
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\nrest".utf8)
        var end = HeadEnd()
        for count in 0..<27 {
            #expect(try end.find(in: bytes.span.extracting(0..<count)) == nil)
        }
        #expect(try end.find(in: bytes.span) == 27)
        #expect(end.firstLineEnd == 14)
        var strict = HeadEnd()
        #expect(throws: HTTPFault.self) { try strict.find(in: Array("GET / HTTP/1.1\n".utf8).span) }
    }

    @Test("The end of a head is the same for pieces of every size", arguments: 1...40)
    func headEndInPieces(pieceBytes: Int) throws {
        let head = Array("POST /v1/completions HTTP/1.1\r\nHost: a\r\nX-Long-Name-Of-A-Field: b\r\n\r\n".utf8)
        let bytes = head + Array("\r\n\r\nrest".utf8)
        var end = HeadEnd()
        var found: Int?
        var count = 0
        while found == nil && count < bytes.count {
            count = min(count + pieceBytes, bytes.count)
            found = try end.find(in: bytes.span.extracting(0..<count))
        }
        #expect(found == head.count)
        #expect(end.firstLineEnd == 29)
    }

    @Test("A line feed without its carriage return is refused at every place of a head")
    func bareLineFeeds() {
        let head = Array("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\r\n".utf8)
        for place in head.indices where head[place] != ASCII.lineFeed {
            var changed = head
            changed[place] = ASCII.lineFeed
            var end = HeadEnd()
            #expect(throws: HTTPFault.self, "\(place)") { try end.find(in: changed.span) }
        }
    }

    @Test("A head whose final empty line is missing is refused, wherever it was cut")
    func unfinished() {
        let head = Array("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\r\n".utf8)
        for count in head.indices {
            var fields = FieldTable()
            let isAccepted =
                (try? RequestHead.parse(head.span.extracting(0..<count), into: &fields, limits: HTTPLimits())) != nil
            #expect(!isAccepted, "\(count)")
        }
    }

    @Test("Dots in a path are refused as whole segments only, and never in a query")
    func segments() throws {
        for path in ["/.a", "/a.", "/...", "/a..b/c", "/v1/x-3.1", "/?/../", "/a?%2e%2e/", "/%2e%2e%2e", "/a/%2ea"] {
            #expect(throws: Never.self, "\(path)") { try parse("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n") }
        }
        for path in ["/.", "/..", "/./a", "/../a?b", "/a/.", "/a/..?b", "/%2e", "/%2E./a", "/.%2e", "//..", "/a/./?x"] {
            #expect(throws: HTTPFault(400, "The request target has a '.' or '..' segment."), "\(path)") {
                try parse("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
            }
        }
    }
}
