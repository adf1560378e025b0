import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct ProxyEngineRequestIDTests {
    /// The ids that the worker and the client get.
    private static func ids(
        _ fields: String,
        path: String = "/get_model_info",
        answerFields: String = "",
        names: String = RoutingSettings().requestIDFields
    ) throws -> (worker: [Substring], client: [Substring]) {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)], settings: Samples.settings { $0.requestIDFields = names })
        let client = bench.accept()
        let method = path == "/get_model_info" ? "GET" : "POST"
        bench.receive(client, "\(method) \(path) HTTP/1.1\r\nHost: a\r\n\(fields)Content-Length: 0\r\n\r\n")
        let upstream = bench.openUpstream()
        let sent = bench.network.takeText(upstream)
        bench.receive(upstream, "HTTP/1.1 200 OK\r\n\(answerFields)Content-Length: 0\r\n\r\n")
        return (values(sent), values(bench.network.takeText(client)))
    }

    private static func values(_ head: String) -> [Substring] {
        head.split(separator: "\r\n").filter { $0.lowercased().hasPrefix("x-request-id: ") }.map { $0.dropFirst(14) }
    }

    @Test("The client's id goes to the worker and back, by the order of the setting")
    func given() throws {
        for (fields, id) in [
            ("X-Request-Id: abc\r\n", "abc"), ("REQUEST-ID: r\r\nX-Correlation-ID: c\r\n", "c"),
            ("X-Trace-Id: t-1\r\nx-request-id: a b\r\n", "t-1"), ("X-Request-Id: one\r\nX-Request-Id: two\r\n", "one"),
        ] {
            let (worker, client) = try Self.ids(fields)
            #expect(worker == [id[...]] && client == [id[...]])
        }
    }

    @Test("A missing or unacceptable id is replaced by one with the path's prefix")
    func made() throws {
        for (path, prefix) in [
            ("/v1/chat/completions", "chatcmpl-"), ("/v1/completions", "cmpl-"), ("/generate", "gnt-"),
            ("/v1/responses", "resp-"), ("/v1/embeddings", "req-"), ("/get_model_info", "req-"),
        ] {
            for fields in ["", "X-Request-Id: \(String(repeating: "a", count: 129))\r\n", "X-Request-Id: \r\n"] {
                let (worker, client) = try Self.ids(fields, path: path)
                #expect(worker.count == 1 && worker == client)
                let id = try #require(worker.first)
                #expect(id.hasPrefix(prefix) && id.utf8.count == prefix.utf8.count + 24)
                #expect(id.dropFirst(prefix.count).allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) })
            }
        }
    }

    @Test("A worker cannot name the request otherwise, unless ids are not handled")
    func answer() throws {
        let forged = "X-Request-Id: forged\r\n"
        #expect(try Self.ids("X-Request-Id: mine\r\n", answerFields: forged).client == ["mine"])
        let (worker, client) = try Self.ids("X-Request-Id: a b\r\n", answerFields: forged, names: "")
        #expect(worker == ["a b"] && client == ["forged"])
        #expect(try Self.ids("X-Request-Id: a\r\nX-Own: b\r\n", names: "X-Own").worker == ["b"])
    }

    @Test("What the proxy answers by itself carries the id, but not for unknown paths")
    func local() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)], settings: RoutingSettings())
        let client = bench.accept()
        var seen: Set<Substring> = []
        for (path, count) in [("/health", 1), ("/readiness", 1), ("/v1/models", 1), ("/generate", 1), ("/nowhere", 0)] {
            bench.receive(client, "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
            let ids = Self.values(bench.network.takeText(client))
            #expect(ids.count == count)
            seen.formUnion(ids)
        }
        #expect(seen.count == 4)
        bench.receive(client, "GET /health HTTP/1.1\r\nHost: a\r\nX-Request-Id: probe\r\n\r\n")
        #expect(Self.values(bench.network.takeText(client)) == ["probe"])
    }
}
