import SignalboxProtocol
import Synchronization
import Testing

@testable import DataPlaneCore

/// Requests that name their worker by `X-SMG-Target-Worker` under `consistent_hashing`: that worker or 503, and nobody else
/// waits for them.
struct ProxyEngineTargetTests {
    private static func bench(workers: Int = 2, requestsMax: Int? = nil) throws -> EngineBench {
        var bench = EngineBench()
        let workers = (1...workers).map { number in
            var worker = Samples.worker(number)
            worker.runningRequestsMax = requestsMax
            return worker
        }
        try bench.apply(
            workers,
            policy: .consistentHashing,
            settings: Samples.settings { $0.retry.jitterPermille = 0 }
        )
        return bench
    }

    private func send(_ bench: inout EngineBench, target: String? = nil, body: String = "abc") -> ConnectionID {
        let client = bench.accept()
        let field = target.map { "X-SMG-Target-Worker: \($0)\r\n" } ?? ""
        bench.receive(
            client,
            "POST /v1/completions HTTP/1.1\r\nHost: a\r\n\(field)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        return client
    }

    private func workers(_ bench: borrowing EngineBench) -> [UInt8?] {
        bench.network.upstreams.map { bench.worker(of: $0) }
    }

    @Test(
        "A number that names no worker is 503 at once, and later requests are served",
        arguments: ["2", "x", "99999999999"]
    )
    func unknown(target: String) throws {
        var bench = try Self.bench()
        let client = send(&bench, target: target)
        let answer = bench.network.takeText(client)
        #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("unknown_target_worker"))
        #expect(bench.counters.waiting.load(ordering: .relaxed) == 0)
        _ = send(&bench)
        #expect(bench.network.upstreams.count == 1)
    }

    @Test("A full worker that is named is 503 at once, and later requests go to the others")
    func full() throws {
        var bench = try Self.bench(requestsMax: 1)
        _ = send(&bench, target: "0")
        let client = send(&bench, target: "0")
        let answer = bench.network.takeText(client)
        #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("target_worker_unavailable"))
        _ = send(&bench)
        #expect(workers(bench) == [1, 2])
    }

    @Test("A worker that is named and behind an open circuit breaker is 503 at once")
    func open() throws {
        var bench = try Self.bench()
        bench.shared.loads.setGate(.full, slot: 1)
        let client = send(&bench, target: "1")
        #expect(bench.network.takeText(client).contains("target_worker_unavailable"))
        _ = send(&bench)
        #expect(workers(bench) == [1])
    }

    @Test("Who names a worker does not join those that wait for room at any")
    func queue() throws {
        var bench = try Self.bench(workers: 1, requestsMax: 2)
        for _ in 0..<3 { _ = send(&bench) }
        #expect(bench.counters.waiting.load(ordering: .relaxed) == 1)
        let client = send(&bench, target: "0")
        #expect(bench.network.takeText(client).contains("target_worker_unavailable"))
        #expect(bench.counters.waiting.load(ordering: .relaxed) == 1)
    }

    @Test("Another attempt goes to the named worker again, after the wait, and never to another one")
    func retry() throws {
        var bench = try Self.bench()
        let client = send(&bench, target: "1")
        bench.engine.broken(bench.network.upstreams[0], &bench.network)
        #expect(workers(bench) == [2])
        bench.elapse(milliseconds: 50)
        #expect(workers(bench) == [2, 2])
        bench.answer(bench.openUpstream(), status: 500, body: "no")
        bench.elapse(milliseconds: 100)
        #expect(workers(bench) == [2, 2, 2])
        bench.answer(bench.openUpstream(), status: 200, body: "ok")
        #expect(bench.network.takeText(client).hasSuffix("\r\n\r\nok"))
        #expect(bench.inFlight == 0 && bench.totalLoad == 0)
    }

    @Test("The number counts the workers of the model")
    func model() throws {
        var bench = EngineBench()
        let workers = (1...4).map { Samples.worker($0, models: [$0 <= 2 ? "a" : "b"]) }
        try bench.apply(workers, policy: .consistentHashing)
        _ = send(&bench, target: "1", body: #"{"model":"b"}"#)
        _ = send(&bench, target: "0", body: #"{"model":"b"}"#)
        #expect(self.workers(bench) == [4, 3])
        let client = send(&bench, target: "2", body: #"{"model":"b"}"#)
        #expect(bench.network.takeText(client).contains("unknown_target_worker"))
    }

    @Test("The number means the same while another worker is unhealthy")
    func unhealthy() throws {
        var bench = EngineBench()
        try bench.apply((1...3).map { Samples.worker($0) }, policy: .consistentHashing, unhealthy: [0])
        _ = send(&bench, target: "1")
        #expect(workers(bench) == [2])
        let client = send(&bench, target: "0")
        #expect(bench.network.takeText(client).contains("target_worker_unavailable"))
    }

    @Test("Where no worker is ready yet, who names one waits like all others")
    func pending() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1, wasReady: false)], policy: .consistentHashing)
        _ = send(&bench, target: "0")
        #expect(bench.network.upstreams.isEmpty)
        try bench.apply([Samples.worker(1)], policy: .consistentHashing)
        #expect(workers(bench) == [1])
    }
}
