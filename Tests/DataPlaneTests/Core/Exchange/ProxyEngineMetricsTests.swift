import SignalboxProtocol
import Testing

@testable import DataPlaneCore

@Suite("What the engine counts of requests") struct ProxyEngineMetricsTests {
    private static let post = "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
    private static let streamHead =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

    /// How many times were observed, and the sum of them in milliseconds.
    private func histogram(_ bench: borrowing EngineBench, _ first: Int) -> (count: UInt64, milliseconds: UInt64) {
        let metrics = bench.counters.metrics
        let count = (0..<MetricsLayout.histogramSum).reduce(UInt64(0)) { $0 + metrics[first + $1] }
        return (count, metrics[first + MetricsLayout.histogramSum])
    }

    private static func chunk(_ text: String) -> String { "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n" }

    @Test("A wait ends where a worker is picked: what comes behind it, and further attempts, are none of it")
    func queueWait() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1, wasReady: false)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        bench.elapse(milliseconds: 200)
        try bench.apply([Samples.worker(1)])
        bench.elapse(milliseconds: 3_000)
        bench.answer(bench.openUpstream(), status: 503)
        bench.elapse(milliseconds: 1_000)
        bench.answer(bench.openUpstream(), status: 200)
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 200 "))
        #expect(histogram(bench, MetricsLayout.queueWait) == (1, 200))
        #expect(bench.counters.metrics[MetricsLayout.retry(.completions)] == 1)
    }

    @Test("A wait that ends without a worker counts, too", arguments: [true, false])
    func vainWait(clientLeaves: Bool) throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1, wasReady: false)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        if clientLeaves {
            bench.elapse(milliseconds: 700)
            bench.engine.broken(client, &bench.network)
        } else {
            bench.elapse(milliseconds: 70_000)
            #expect(bench.network.takeText(client).contains("no_ready_worker"))
        }
        let waited = histogram(bench, MetricsLayout.queueWait)
        #expect(waited.count == 1 && waited.milliseconds == (clientLeaves ? 700 : 60_000))
    }

    @Test("Between events the time counts, however they are cut into chunks")
    func interToken() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        let upstream = bench.openUpstream()
        bench.elapse(milliseconds: 50)
        bench.receive(upstream, Self.streamHead + Self.chunk("data: 1\n\n"))
        bench.elapse(milliseconds: 20)
        bench.receive(upstream, Self.chunk("data: "))
        bench.elapse(milliseconds: 10)
        bench.receive(upstream, Self.chunk("2\n\n"))
        bench.elapse(milliseconds: 40)
        bench.receive(upstream, Self.chunk("data: 3\n\ndata: 4\n\n") + "0\r\n\r\n")
        #expect(histogram(bench, MetricsLayout.firstToken) == (1, 50))
        #expect(histogram(bench, MetricsLayout.interToken) == (2, 70))
        #expect(histogram(bench, MetricsLayout.generation) == (1, 120))
    }

    @Test("A stream of errors has no tokens, and its time is none of a generation")
    func errors() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        let upstream = bench.openUpstream()
        let head = Self.streamHead.replacing("200 OK", with: "400 Bad Request")
        bench.receive(upstream, head + Self.chunk("data: 1\n\n") + Self.chunk("data: 2\n\n") + "0\r\n\r\n")
        #expect(histogram(bench, MetricsLayout.firstToken).count == 0)
        #expect(histogram(bench, MetricsLayout.interToken).count == 0)
        #expect(histogram(bench, MetricsLayout.generation).count == 0)
        #expect(histogram(bench, MetricsLayout.duration(.completions)).count == 1)
    }
}
