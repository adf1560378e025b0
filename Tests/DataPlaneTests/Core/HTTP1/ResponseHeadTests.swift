import Testing

@testable import DataPlaneCore

struct ResponseHeadTests {
    private func parse(_ text: String, isAnswerToHead: Bool = false) throws -> ResponseHead {
        var fields = FieldTable()
        let bytes = Array(text.utf8)
        return try ResponseHead.parse(
            bytes.span,
            into: &fields,
            isAnswerToHead: isAnswerToHead,
            limits: HTTPLimits()
        )
    }

    @Test(
        "The end of the body follows RFC 9112 section 6.3",
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", BodyFraming.length(3)),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .chunked),
            ("HTTP/1.1 200\r\n\r\n", .untilClose),
            ("HTTP/1.1 204 No Content\r\n\r\n", .none),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", .none),
            ("HTTP/1.1 100 Continue\r\n\r\n", .none),
            ("HTTP/1.0 200 OK\r\n\r\n", .untilClose),
        ]
    )
    func framing(text: String, expected: BodyFraming) throws {
        #expect(try parse(text).framing == expected)
    }

    @Test("An answer to HEAD has no body, whatever its fields say")
    func answerToHead() throws {
        #expect(try parse("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", isAnswerToHead: true).framing == .none)
    }

    @Test("A body that lasts until the close ends the connection too")
    func reuse() throws {
        #expect(try parse("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n").keepAlive)
        #expect(try !parse("HTTP/1.1 200 OK\r\n\r\n").keepAlive)
        #expect(try !parse("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n").keepAlive)
        #expect(try !parse("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n").keepAlive)
    }

    @Test(
        "Heads that cannot be trusted are refused",
        arguments: [
            "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 099 X\r\n\r\n",
            "HTTP/1.1 200 O\u{1}K\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
        ]
    )
    func refusals(text: String) {
        #expect(throws: HTTPFault.self) { try parse(text) }
    }

    @Test("An event stream is recognised with parameters and without")
    func eventStream() throws {
        #expect(try parse("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n").isEventStream)
        #expect(try parse("HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream ;a=b\r\n\r\n").isEventStream)
        #expect(try !parse("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n").isEventStream)
        #expect(try !parse("HTTP/1.1 200 OK\r\nContent-Type: text/event-streamx\r\n\r\n").isEventStream)
        let encoded = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n"
        #expect(try parse(encoded).isContentEncoded)
    }

    @Test("A connection whose 204 declares content is not used again: the content may still come")
    func hiddenContent() throws {
        #expect(try parse("HTTP/1.1 204 No Content\r\n\r\n").keepAlive)
        #expect(try parse("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n").keepAlive)
        #expect(try !parse("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n").keepAlive)
        #expect(try !parse("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n").keepAlive)
        #expect(try parse("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n").keepAlive)
    }

    @Test("Of several fields the one that says more counts")
    func repeatedFields() throws {
        let length = "Content-Length: 0\r\n\r\n"
        let gzip = "Content-Encoding: gzip\r\nContent-Encoding: identity\r\n"
        #expect(try parse("HTTP/1.1 200 OK\r\n\(gzip)\(length)").isContentEncoded)
        let types = "Content-Type: application/json\r\nContent-Type: text/event-stream\r\n"
        #expect(try !parse("HTTP/1.1 200 OK\r\n\(types)\(length)").isEventStream)
    }

    @Test("A length without a body is that of another answer and goes on, except with 204")
    func lengthWithoutBody() throws {
        #expect(try parse("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n").lengthWithoutBody == 5)
        #expect(try parse("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n").lengthWithoutBody == nil)
        #expect(try parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").lengthWithoutBody == nil)
    }
}
