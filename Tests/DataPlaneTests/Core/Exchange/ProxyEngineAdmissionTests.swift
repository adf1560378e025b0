import SignalboxProtocol
import Synchronization
import Testing

@testable import DataPlaneCore

struct ProxyEngineAdmissionTests {
    private static let post = "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"

    private static func bench(
        workers: Int = 1,
        others: [ThreadCounters] = [],
        _ change: (inout RoutingSettings) -> Void
    ) throws -> EngineBench {
        var bench = EngineBench(otherCounters: others)
        try bench.apply((1...workers).map { Samples.worker($0) }, settings: Samples.settings(change))
        return bench
    }

    private func send(_ bench: inout EngineBench) -> ConnectionID {
        let client = bench.accept()
        bench.receive(client, Self.post)
        return client
    }

    @Test("Requests over the limit wait and go on in the order of arrival, one for each that ends")
    func concurrency() throws {
        var bench = try Self.bench { $0.admission.concurrentRequestsMax = 2 }
        let clients = (0..<4).map { _ in send(&bench) }
        #expect(bench.network.upstreams.count == 2)
        #expect(bench.counters.waiting.load(ordering: .relaxed) == 2)
        for (served, next) in [(0, 2), (1, 3)] {
            bench.answer(bench.network.upstreams[served], status: 200, body: "ok")
            #expect(bench.network.takeText(clients[served]).hasSuffix("ok"))
            #expect(bench.engine.clients.slots[clients[next].index].phase == .upstream)
        }
        #expect(bench.counters.waiting.load(ordering: .relaxed) == 0)
    }

    @Test("A full queue is 429 with Retry-After, before the body has come, and a small body keeps the connection")
    func fullQueue() throws {
        var bench = try Self.bench {
            $0.admission.concurrentRequestsMax = 1
            $0.admission.queueSize = 1
        }
        _ = (send(&bench), send(&bench))
        let small = bench.accept()
        bench.receive(small, "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n")
        bench.receive(small, "abc")
        let answer = bench.network.takeText(small)
        #expect(answer.hasPrefix("HTTP/1.1 429 ") && answer.contains("\r\nRetry-After: 1\r\n"))
        #expect(answer.contains("too_many_requests") && answer.contains("rate_limit_error"))
        #expect(!bench.network.isClosed(small))
        let large = bench.accept()
        bench.receive(large, "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n")
        #expect(bench.network.takeText(large).hasPrefix("HTTP/1.1 429 "))
        #expect(bench.network.isClosed(large))
    }

    @Test("Who waits for longer than the queue's limit gets 503")
    func queueTimeout() throws {
        var bench = try Self.bench {
            $0.admission.concurrentRequestsMax = 1
            $0.timeouts.queueMilliseconds = 1_000
        }
        _ = send(&bench)
        let client = send(&bench)
        bench.elapse(milliseconds: 999)
        #expect(bench.network.takeText(client) == "")
        bench.elapse(milliseconds: 1)
        let answer = bench.network.takeText(client)
        #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("queue_timeout"))
        #expect(answer.contains("\r\nRetry-After: 1\r\n"))
        #expect(bench.inFlight == 1)
    }

    @Test("A client that goes away in the queue leaves its place to the next one")
    func leaves() throws {
        var bench = try Self.bench { $0.admission.concurrentRequestsMax = 1 }
        _ = send(&bench)
        let (second, third) = (send(&bench), send(&bench))
        bench.engine.ended(second, &bench.network)
        bench.answer(bench.network.upstreams[0], status: 200)
        #expect(bench.engine.clients.slots[third.index].phase == .upstream)
        #expect(bench.inFlight == 1 && bench.totalLoad == 1)
    }

    @Test("No worker has more requests than it runs, and the next waits for whichever has room first")
    func workerLimit() throws {
        var bench = EngineBench()
        var workers = [Samples.worker(1), Samples.worker(2)]
        for index in 0..<2 { workers[index].runningRequestsMax = 2 }
        try bench.apply(workers, policy: .leastLoad)
        let clients = (0..<6).map { _ in send(&bench) }
        #expect(bench.network.upstreams.count == 4)
        #expect((0..<2).map { bench.shared.loads.inFlight(slot: $0) } == [2, 2])
        let last = bench.network.upstreams[3]
        let worker = bench.worker(of: last)
        bench.answer(last, status: 200)
        #expect(bench.engine.clients.slots[clients[4].index].phase == .upstream)
        let next = bench.engine.clients.slots[clients[4].index].upstream
        #expect(next.flatMap { bench.worker(of: $0) } == worker)
        #expect((0..<2).map { bench.shared.loads.inFlight(slot: $0) } == [2, 2])
    }

    @Test("As many as the workers run may wait; more is refused with 503 before the body has come")
    func queueShare() throws {
        var bench = EngineBench()
        var worker = Samples.worker(1)
        worker.runningRequestsMax = 4
        try bench.apply([worker])
        _ = (0..<8).map { _ in send(&bench) }
        #expect(bench.counters.waiting.load(ordering: .relaxed) == 4)
        let client = bench.accept()
        bench.receive(client, "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n")
        let answer = bench.network.takeText(client)
        #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("at_capacity"))
        #expect(bench.counters.waiting.load(ordering: .relaxed) == 4)
    }

    @Test("A limit that was set by hand goes before what the worker says")
    func byHand() throws {
        var bench = EngineBench()
        var worker = Samples.worker(1)
        worker.runningRequestsMax = 4
        try bench.apply([worker], settings: Samples.settings { $0.admission.workerRequestsMax = 1 })
        _ = (0..<2).map { _ in send(&bench) }
        #expect(bench.network.upstreams.count == 1)
    }

    @Test("Requests for a model with room pass those that wait for one without")
    func models() throws {
        var bench = EngineBench()
        var workers = [Samples.worker(1, models: ["a"]), Samples.worker(2, models: ["b"])]
        workers[0].runningRequestsMax = 2
        try bench.apply(workers)
        func body(_ model: String) -> String {
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 13\r\n\r\n{\"model\":\"\(model)\"}"
        }
        for _ in 0..<3 { bench.receive(bench.accept(), body("a")) }
        #expect(bench.network.upstreams.map { bench.worker(of: $0) } == [1, 1])
        bench.receive(bench.accept(), body("b"))
        #expect(bench.network.upstreams.map { bench.worker(of: $0) } == [1, 1, 2])
    }

    @Test("A newcomer does not pass one that waits for the same")
    func fairness() throws {
        var bench = try Self.bench { $0.admission.concurrentRequestsMax = 1 }
        let first = send(&bench)
        let second = send(&bench)
        // A keep-alive client that sends its next request in the same moment in which its first one ends.
        bench.receive(first, Self.post)
        bench.answer(bench.network.upstreams[0], status: 200)
        #expect(bench.engine.clients.slots[second.index].phase == .upstream)
        #expect(bench.engine.clients.slots[first.index].phase == .waiting)
    }

    @Test("Over the rate requests wait for their token; who would have to wait with a full queue is told how long")
    func rate() throws {
        var bench = try Self.bench {
            $0.admission.requestsPerSecondMax = 1
            $0.admission.queueSize = 1
        }
        _ = send(&bench)
        let waits = send(&bench)
        let refused = send(&bench)
        let answer = bench.network.takeText(refused)
        #expect(answer.hasPrefix("HTTP/1.1 429 ") && answer.contains("rate_limited"))
        #expect(answer.contains("\r\nRetry-After: 1\r\n"))
        #expect(bench.network.upstreams.count == 1)
        bench.elapse(milliseconds: 1_250)
        #expect(bench.engine.clients.slots[waits.index].phase == .upstream)
    }

    @Test("Another thread whose request waits longer is woken first")
    func otherThread() throws {
        let other = ThreadCounters(thread: 3)
        var bench = try Self.bench(others: [other]) { $0.admission.concurrentRequestsMax = 1 }
        let first = send(&bench)
        other.waiting.store(1, ordering: .relaxed)
        other.waitingSince.store(500, ordering: .relaxed)
        bench.network.now = bench.network.now.adding(milliseconds: 1)
        bench.engine.batchEnded(&bench.network)
        bench.answer(bench.network.upstreams[0], status: 200)
        #expect(bench.network.woken == [3])
        #expect(!bench.network.isClosed(first))
    }

    @Test("Health, readiness and metadata are answered however full the router is")
    func ownAnswers() throws {
        var bench = try Self.bench {
            $0.admission.concurrentRequestsMax = 1
            $0.admission.queueSize = 0
        }
        _ = send(&bench)
        for path in ["/health", "/readiness", "/v1/models"] {
            let client = bench.accept()
            bench.receive(client, "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 200 "))
        }
        bench.receive(bench.accept(), "GET /get_model_info HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(bench.network.upstreams.count == 2)
    }

    @Test("Unknown model, no worker, all unhealthy: three answers, and only the last is worth a short wait")
    func threeAnswers() throws {
        func ask(_ bench: inout EngineBench) -> String {
            let client = bench.accept()
            bench.receive(client, "POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 13\r\n\r\n{\"model\":\"c\"}")
            return bench.network.takeText(client)
        }
        let (one, two) = (Samples.worker(1, models: ["a"]), Samples.worker(2, models: ["b"]))
        var bench = EngineBench()
        try bench.apply([one, two])
        #expect(ask(&bench).contains("model_not_found"))
        try bench.apply([one, two], models: [ModelConfiguration(model: "c")])
        #expect(ask(&bench).contains("no_worker"))
        try bench.apply([one, two, Samples.worker(3, models: ["c"])], unhealthy: [2])
        #expect(ask(&bench) == "")
    }

    @Test("While all workers are unhealthy a request is held, and served when one returns")
    func hold() throws {
        var bench = EngineBench()
        try bench.apply([Samples.worker(1)], unhealthy: [0])
        let (served, refused) = (send(&bench), send(&bench))
        bench.elapse(milliseconds: 4_000)
        bench.engine.ended(refused, &bench.network)
        try bench.apply([Samples.worker(1)])
        bench.answer(bench.openUpstream(), status: 200, body: "ok")
        #expect(bench.network.takeText(served).hasSuffix("ok"))
    }

    @Test("The hold has an end, and can be switched off")
    func holdEnds() throws {
        for limit in [5_000, 0] {
            var bench = EngineBench()
            let settings = Samples.settings { $0.timeouts.holdMilliseconds = limit }
            try bench.apply([Samples.worker(1)], settings: settings, unhealthy: [0])
            let client = send(&bench)
            bench.elapse(milliseconds: limit)
            let answer = bench.network.takeText(client)
            #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("no_ready_worker"))
            #expect(bench.inFlight == 0)
        }
    }
}
