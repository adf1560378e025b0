import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct ProxyEngineRetryTests {
    private static let post = "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"

    private static func bench(
        workers: Int,
        _ change: (inout RoutingSettings) -> Void = { _ in }
    ) throws -> EngineBench {
        var bench = EngineBench()
        try bench.apply(
            (1...workers).map { Samples.worker($0) },
            settings: Samples.settings {
                $0.retry.jitterPermille = 0
                change(&$0)
            }
        )
        return bench
    }

    @Test("A refused connection goes to another worker at once, and never back to the one that refused")
    func refused() throws {
        var bench = try Self.bench(workers: 3)
        let client = bench.accept()
        bench.receive(client, Self.post)
        bench.engine.broken(bench.network.upstreams[0], &bench.network)
        bench.engine.broken(bench.network.upstreams[1], &bench.network)
        #expect(bench.network.upstreams.map { bench.worker(of: $0) } == [1, 2, 3])
        bench.answer(bench.openUpstream(), status: 200, body: "ok")
        #expect(bench.network.takeText(client).hasSuffix("\r\n\r\nok"))
        #expect(bench.inFlight == 0 && bench.totalLoad == 0)
    }

    @Test("A connection that is lost before any answer is tried elsewhere after the first wait")
    func lost() throws {
        var bench = try Self.bench(workers: 2)
        let client = bench.accept()
        bench.receive(client, Self.post)
        bench.engine.ended(bench.openUpstream(), &bench.network)
        #expect(bench.totalLoad == 0)
        bench.elapse(milliseconds: 49)
        #expect(bench.network.upstreams.count == 1)
        bench.elapse(milliseconds: 1)
        #expect(bench.network.upstreams.map { bench.worker(of: $0) } == [1, 2])
        #expect(bench.network.takeText(bench.openUpstream()).hasSuffix("\r\n\r\nabc"))
        #expect(bench.totalLoad == 1)
    }

    @Test("A status that another worker may better is not shown", arguments: [408, 429, 500, 502, 503, 504])
    func status(status: Int) throws {
        var bench = try Self.bench(workers: 2)
        let client = bench.accept()
        bench.receive(client, Self.post)
        bench.answer(bench.openUpstream(), status: status, body: "no")
        #expect(bench.network.takeText(client) == "")
        bench.elapse(milliseconds: 50)
        bench.answer(bench.openUpstream(), status: 200, body: "ok")
        #expect(bench.network.takeText(client).hasSuffix("\r\n\r\nok"))
        #expect(bench.inFlight == 0 && bench.totalLoad == 0)
    }

    @Test("A status that is the client's own fault is passed on", arguments: [400, 401, 404, 422, 501])
    func ownFault(status: Int) throws {
        var bench = try Self.bench(workers: 2)
        let client = bench.accept()
        bench.receive(client, Self.post)
        bench.answer(bench.openUpstream(), status: status)
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 \(status) "))
        #expect(bench.network.upstreams.count == 1)
    }

    @Test("The waits are those of the original, and the last answer is passed on as it came")
    func exhausted() throws {
        var bench = try Self.bench(workers: 1)
        let client = bench.accept()
        bench.receive(client, Self.post)
        var began: [Int] = []
        for attempt in 1...5 {
            began.append(bench.network.now.milliseconds - 1_000)
            bench.answer(bench.openUpstream(), status: 503, fields: "X-Attempt: \(attempt)\r\n", body: "busy")
            if attempt < 5 { bench.elapse(milliseconds: [50, 75, 113, 169][attempt - 1]) }
        }
        #expect(began == [0, 50, 125, 238, 407])
        let answer = bench.network.takeText(client)
        #expect(answer.contains("\r\nX-Attempt: 5\r\n") && answer.hasSuffix("\r\n\r\nbusy"))
        #expect(bench.network.upstreams.count == 5)
        #expect(bench.inFlight == 0 && bench.totalLoad == 0)
    }

    @Test("One attempt is one attempt")
    func disabled() throws {
        var bench = try Self.bench(workers: 2) { $0.retry.attemptsMax = 1 }
        let client = bench.accept()
        bench.receive(client, Self.post)
        bench.answer(bench.openUpstream(), status: 503)
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 503 "))
        bench.receive(client, Self.post)
        bench.engine.broken(bench.network.upstreams[1], &bench.network)
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 502 "))
    }

    @Test("The only worker gets the time that it asks for; if that is too much, the client gets its answer")
    func retryAfter() throws {
        var bench = try Self.bench(workers: 1)
        let client = bench.accept()
        bench.receive(client, Self.post)
        bench.answer(bench.openUpstream(), status: 503, fields: "Retry-After: 2\r\n")
        bench.elapse(milliseconds: 1_999)
        #expect(bench.network.upstreams.count == 1)
        bench.elapse(milliseconds: 1)
        bench.answer(bench.openUpstream(), status: 503, fields: "Retry-After: 31\r\n")
        #expect(bench.network.takeText(client).contains("\r\nRetry-After: 31\r\n"))
    }

    @Test("Another worker need not wait for what one asked for")
    func retryAfterElsewhere() throws {
        var bench = try Self.bench(workers: 2)
        let client = bench.accept()
        bench.receive(client, Self.post)
        bench.answer(bench.openUpstream(), status: 503, fields: "Retry-After: 20\r\n")
        bench.elapse(milliseconds: 50)
        #expect(bench.network.upstreams.map { bench.worker(of: $0) } == [1, 2])
    }

    @Test("A worker that asks to be left alone gets no other client's request for that time, unless none is left")
    func retryAfterOfOthers() throws {
        var bench = try Self.bench(workers: 2)
        let first = bench.accept()
        bench.receive(first, Self.post)
        bench.answer(bench.openUpstream(), status: 503, fields: "Retry-After: 20\r\n")
        bench.elapse(milliseconds: 50)
        bench.answer(bench.openUpstream(), status: 200)
        for _ in 0..<4 {
            bench.receive(bench.accept(), Self.post)
            bench.answer(bench.openUpstream(), status: 200, fields: "Connection: close\r\n")
        }
        #expect(bench.network.upstreams.dropFirst().allSatisfy { bench.worker(of: $0) == 2 })
        bench.elapse(milliseconds: 20_000)
        let count = bench.network.upstreams.count
        for _ in 0..<2 {
            bench.receive(bench.accept(), Self.post)
            bench.answer(bench.openUpstream(), status: 200, fields: "Connection: close\r\n")
        }
        #expect(Set(bench.network.upstreams.dropFirst(count).map { bench.worker(of: $0) }) == [1, 2])
    }

    @Test("A wish to be left alone that comes with a status about one client keeps nobody else away")
    func retryAfterOfOneClient() throws {
        var bench = try Self.bench(workers: 2)
        bench.receive(bench.accept(), Self.post)
        bench.answer(bench.openUpstream(), status: 429, fields: "Retry-After: 20\r\n")
        #expect(bench.shared.loads.gate(slot: 0) == .clear)
    }

    @Test("Without budget the client gets the answer as it is")
    func budget() throws {
        var bench = try Self.bench(workers: 1) {
            $0.retry.budgetPercent = 0
            $0.retry.attemptsMax = 100
            $0.retry.backoffInitialMilliseconds = 0
            $0.breaker.failureThreshold = 0
        }
        for _ in 0..<3 {
            let client = bench.accept()
            bench.receive(client, Self.post)
            while bench.network.connections[client]?.sent.isEmpty == true {
                bench.answer(bench.openUpstream(), status: 500, fields: "Connection: close\r\n")
                bench.elapse(milliseconds: 0)
            }
        }
        // A hundred at the beginning, and the three first attempts.
        #expect(bench.network.upstreams.count == 103)
    }

    @Test("A time limit is tried elsewhere, but not again where it passed")
    func timeout() throws {
        var bench = try Self.bench(workers: 2) { $0.timeouts.firstByteMilliseconds = 1_000 }
        let client = bench.accept()
        bench.receive(client, Self.post)
        _ = bench.openUpstream()
        bench.elapse(milliseconds: 1_050)
        #expect(bench.network.upstreams.map { bench.worker(of: $0) } == [1, 2])
        _ = bench.openUpstream()
        bench.elapse(milliseconds: 1_000)
        #expect(bench.network.takeText(client).hasPrefix("HTTP/1.1 504 "))
        #expect(bench.network.upstreams.count == 2)
        #expect(bench.inFlight == 0 && bench.totalLoad == 0)
    }

    @Test("Nothing is tried again once the client has got the first byte")
    func relaying() throws {
        var bench = try Self.bench(workers: 2)
        let client = bench.accept()
        bench.receive(client, Self.post)
        let upstream = bench.openUpstream()
        bench.receive(upstream, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        bench.engine.ended(upstream, &bench.network)
        #expect(bench.network.isClosed(client))
        #expect(bench.network.upstreams.count == 1)
        #expect(bench.inFlight == 0 && bench.totalLoad == 0)
    }

    @Test("A client that goes away while it waits for another attempt is forgotten")
    func clientGone() throws {
        var bench = try Self.bench(workers: 2)
        let client = bench.accept()
        bench.receive(client, Self.post)
        bench.engine.ended(bench.openUpstream(), &bench.network)
        bench.engine.ended(client, &bench.network)
        bench.elapse(milliseconds: 1_000)
        #expect(bench.network.upstreams.count == 1)
        #expect(bench.inFlight == 0 && bench.totalLoad == 0)
    }

    @Test("A request that was sent twice is sent once more to each worker of a new table")
    func newTable() throws {
        var bench = try Self.bench(workers: 2)
        let client = bench.accept()
        bench.receive(client, Self.post)
        bench.engine.ended(bench.openUpstream(), &bench.network)
        // The order changes, the worker that failed stays out.
        try bench.apply([Samples.worker(2), Samples.worker(1)])
        bench.elapse(milliseconds: 50)
        #expect(bench.network.takeText(bench.openUpstream()).contains("Host: worker-2:8000"))
        #expect(bench.network.takeText(client) == "")
    }
}
