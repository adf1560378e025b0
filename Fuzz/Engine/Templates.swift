/// Messages and parts of messages from which runs are built; between them the fuzzer puts bytes of its own.
///
/// `%N` becomes a number that no other message of the run has.
enum Templates {
    private static let json = #"{"model":"m1","stream":true,"messages":[{"role":"user","content":"hello there"}]}"#
    private static let late = #"{"prompt":"\#(String(repeating: "word ", count: 60))","model":"m2"}"#

    static let requests: [String] = [
        post("/v1/chat/completions", json),
        chunked("/v1/completions", json, piece: 30),
        "GET /health HTTP/1.1\r\nHost: a\r\nX-Number: %N\r\n\r\n",
        "POST /v1/completions HTTP/1.1\r\nHost: a\r\nX-Number: %N\r\nExpect: 100-continue\r\n"
            + "Content-Length: \(json.utf8.count)\r\n\r\n",
        json,
        "POST /generate HTTP/1.0\r\nX-Number: %N\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc",
        "POST /generate HTTP/1.0\r\nX-Number: %N\r\nContent-Length: 3\r\n\r\nabc",
        "HEAD /v1/models HTTP/1.1\r\nHost: a\r\n\r\n",
        post("/generate", "not json %N"),
        post("/v1/completions", json) + post("/v1/embeddings", #"{"model":"m2","input":"x"}"#),
        "GET /get_model_info HTTP/1.1\r\nHost: a\r\nX-Number: %N\r\n\r\n",
        "HEAD /get_model_info HTTP/1.1\r\nHost: a\r\nX-Number: %N\r\n\r\n",
        post("/v1/completions", late),
        chunked("/v1/completions", late, piece: 100),
        "POST /v1/completions HTTP/1.1\r\nHost: a\r\nX-Number: %N\r\nContent-Length: 320\r\n\r\n"
            + "{\"model\":\"m1\",\"prompt\":\"",
        String(repeating: "some text ", count: 10),
        "POST /v1/completions HTTP/1.1\r\nHost: a\r\nX-Number: %N\r\nTransfer-Encoding: chunked\r\n\r\n",
        "19\r\n{\"model\":\"m1\",\"prompt\":\"x\r\n", "5\r\nhello\r\n", "0\r\n\r\n", "0\r\nTrailer: x\r\n\r\n",
        "GET /workers HTTP/1.1\r\nHost: a\r\nX-Number: %N\r\nX-Signalbox-Source-Address: 1.2.3.4\r\n\r\n",
        "POST /v1/messages HTTP/1.1\r\nHost: a\r\nX-Number: %N\r\n"
            + "Connection: X-Hop, close\r\nX-Hop: 1\r\nTE: trailers\r\n"
            + "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nVia: 1.0 other, 1.1 signalbox\r\n"
            + "Content-Length: 2\r\n\r\n{}",
        "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "\r\n\r\n",
        "POST /v1/comple", "tions HTTP/1.1\r\nHost: a\r\nX-Number: %N\r\n", "Content-Length: 2\r\n\r\n", "{}",
        post("/v1/completions", #"{"model":"m1","model":"m1"}"#),
        "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    ]

    static let answers: [String] = [
        "HTTP/1.1 200 OK\r\nX-Answer: %N\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nX-Answer: %N\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-Answer: %N\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        "F\r\ndata: {\"a\":1}\n\n\r\n", "9\r\ndata: abc\r\n", "2\r\n\n\n\r\n", "0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nX-Answer: %N\r\n\r\nuntil the close",
        "HTTP/1.1 200 OK\r\nX-Answer: %N\r\nContent-Type: text/event-stream\r\n"
            + "Connection: close\r\n\r\ndata: 1\n\n",
        "data: 2\n\n", "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nX-Answer: %N\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nX-Answer: %N\r\nContent-Length: 10\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-Answer: %N\r\nContent-Length: 10\r\n\r\nfour",
        "sixsix", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-Answer: %N\r\nContent-Length: 2\r\n\r\nok"
            + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        "HTTP/1.1 600 Odd\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-Answer: %N\r\nContent-Length: 700\r\n\r\n" + String(repeating: "seven77", count: 100),
        "HTTP/1.1 500 Oh\r\nX-Answer: %N\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-Answer: %N\r\nContent-Type: text/event-stream\r\n"
            + "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 O", "K\r\nX-Late: 1\r\nContent-Length: 1\r\n\r\n1", "ZZ\r\n",
        "2BC\r\n" + String(repeating: "chunk77", count: 100) + "\r\n",
    ]

    private static func post(_ path: String, _ body: String) -> String {
        "POST \(path) HTTP/1.1\r\nHost: a\r\nX-Number: %N\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.replacing("%N", with: "00000000").utf8.count)\r\n\r\n\(body)"
    }

    private static func chunked(_ path: String, _ body: String, piece: Int) -> String {
        var text = "POST \(path) HTTP/1.1\r\nHost: a\r\nX-Number: %N\r\nTransfer-Encoding: chunked\r\n\r\n"
        var rest = body[...]
        while !rest.isEmpty {
            let chunk = rest.prefix(piece)
            text += "\(String(chunk.utf8.count, radix: 16))\r\n\(chunk)\r\n"
            rest = rest.dropFirst(piece)
        }
        return text + "0\r\n\r\n"
    }
}
