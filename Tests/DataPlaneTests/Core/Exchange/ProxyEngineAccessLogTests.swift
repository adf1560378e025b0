import SignalboxProtocol
import Testing

@testable import DataPlaneCore

@Suite("What the engine tells the access log") struct ProxyEngineAccessLogTests {
    @Test("What cannot be read as a request is told of, as well")
    func unreadable() throws {
        let ring = AccessRing(sampleEvery: 1)
        var bench = EngineBench(accessRing: ring)
        try bench.apply([Samples.worker(1)])
        let client = bench.accept()
        bench.receive(client, "no request\r\n\r\n")
        let records = ring.takeAll()
        #expect(records.map(\.status) == [400] && records.map(\.outcome) == [.clientError])
        #expect(records.map(\.route) == [.other] && records.map(\.idCount) == [0])
        #expect(bench.counters.metrics[MetricsLayout.request(.other, .clientError)] == 1)
    }

    @Test("A sample keeps its share of them")
    func sampled() throws {
        let ring = AccessRing(sampleEvery: 10)
        var bench = EngineBench(accessRing: ring)
        try bench.apply([Samples.worker(1)])
        for _ in 0..<40 {
            let client = bench.accept()
            bench.receive(client, "no request\r\n\r\n")
        }
        #expect(ring.takeAll().count == 4)
    }
}
