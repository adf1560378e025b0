import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct ProxyEngineForwardingTests {
    private static func forwarded(
        _ fields: String,
        version: String = "1.1",
        _ change: (inout RoutingSettings) -> Void
    ) throws -> String {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)], settings: Samples.settings(change))
        let client = bench.accept()
        bench.receive(client, "GET /get_model_info HTTP/\(version)\r\nHost: a\r\n\(fields)\r\n")
        return bench.network.takeText(bench.openUpstream())
            .replacing("GET /get_model_info HTTP/1.1\r\nHost: worker-1:8000\r\n", with: "")
    }

    private static let came = "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 2.2.2.2\r\n"

    @Test("The client's address stands behind those that came")
    func append() throws {
        let head = try Self.forwarded(Self.came) { $0.via = "" }
        #expect(head == "X-Forwarded-Proto: https\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2, 10.0.0.9\r\n\r\n")
        #expect(
            try Self.forwarded("") { $0.via = "" } == "X-Forwarded-For: 10.0.0.9\r\nX-Forwarded-Proto: http\r\n\r\n"
        )
    }

    @Test("What came is replaced, removed or passed on as the setting says")
    func modes() throws {
        let expected: [(ForwardedFields, String)] = [
            (.replace, "X-Forwarded-For: 10.0.0.9\r\nX-Forwarded-Proto: http\r\n\r\n"), (.remove, "\r\n"),
            (.pass, Self.came + "\r\n"),
        ]
        for (mode, head) in expected {
            let forwarded = try Self.forwarded(Self.came) {
                $0.via = ""
                $0.forwardedFields = mode
            }
            #expect(forwarded == head)
        }
    }

    @Test("The proxy names itself behind those before it, with the version that it was spoken to in")
    func via() throws {
        let head = try Self.forwarded("Via: 1.1 edge\r\n", version: "1.0") { $0.forwardedFields = .remove }
        #expect(head == "Via: 1.1 edge\r\nVia: 1.0 signalbox\r\n\r\n")
    }

    @Test("A request that goes round is ended with 508")
    func loop() throws {
        for (hops, isRefused) in [(7, false), (8, true)] {
            var bench = EngineBench()
            try bench.apply([Samples.worker(1)])
            let client = bench.accept()
            let via = Array(repeating: "1.1 signalbox", count: hops).joined(separator: ", ")
            bench.receive(client, "GET /get_model_info HTTP/1.1\r\nHost: a\r\nVia: \(via)\r\n\r\n")
            #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 508 ") == isRefused)
            #expect(bench.network.upstreams.isEmpty == isRefused)
        }
    }
}
