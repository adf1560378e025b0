import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct ProxyEngineCutTests {
    private static let post = "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"

    private static func draining(isCut: Bool) -> SnapshotWorker {
        var worker = Samples.worker(1)
        worker.intent = .draining
        worker.isCut = isCut
        return worker
    }

    @Test("A draining worker gets no new request, and what it does goes on")
    func draining() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        let upstream = bench.openUpstream()
        try bench.apply([Self.draining(isCut: false)])
        let other = bench.accept()
        bench.receive(other, Self.post)
        #expect(bench.network.takeText(other).contains("no_worker"))
        bench.answer(upstream, status: 200, body: "ok")
        #expect(bench.network.takeText(client).hasSuffix("ok"))
    }

    @Test("When it is cut a stream ends with an error event, and without its last chunk")
    func stream() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        let upstream = bench.openUpstream()
        bench.receive(
            upstream,
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: x\n\n\r\n"
        )
        try bench.apply([Self.draining(isCut: true)])
        let answer = bench.network.takeText(client)
        #expect(answer.contains("data: {\"error\":") && answer.contains("worker_removed"))
        #expect(!answer.hasSuffix("0\r\n\r\n"))
        #expect(bench.network.isClosed(client) && bench.network.isClosed(upstream))
        #expect(bench.inFlight == 0 && bench.totalLoad == 0)
    }

    @Test("A request whose client has got nothing yet goes to another worker")
    func elsewhere() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, Self.post)
        _ = bench.openUpstream()
        try bench.apply([Self.draining(isCut: true), Samples.worker(2)])
        #expect(bench.network.takeText(bench.openUpstream()).contains("Host: worker-2:8000"))
        bench.answer(bench.network.upstreams[1], status: 200, body: "ok")
        #expect(bench.network.takeText(client).hasSuffix("ok"))
        #expect(bench.inFlight == 0 && bench.totalLoad == 0)
    }
}
