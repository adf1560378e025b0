import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct OperatorAnswerTests {
    private let shared = SharedState(slotsMax: 4)
    private let now = MonotonicTime(milliseconds: 9_000)

    private func ask(_ head: String) -> String {
        String(decoding: OperatorAnswer.bytes(to: Array(head.utf8), id: #"a"b"#, shared, at: now), as: UTF8.self)
    }

    private func note(_ request: String, at milliseconds: Int = 8_000) throws {
        var compiler = RoutingTableCompiler(shared)
        let workers = [Samples.worker(1), Samples.worker(2)]
        let table = try compiler.compile(
            Snapshot(
                version: SnapshotVersion(epoch: Samples.epoch, sequence: 7),
                workers: workers,
                policy: PolicyConfiguration(name: .leastLoad)
            ),
            digest: SnapshotDigest(of: []),
            observed: [],
            addresses: Samples.addresses(workers)
        )
        let filter = WorkerFilter(loads: shared.loads, now: now, tried: [])
        let explanation = PickExplanation(table.pools[0], of: table.workers, picked: 1, filter, RoutingFacts())
        let at = MonotonicTime(milliseconds: milliseconds)
        shared.explanations.note(explanation, of: request, version: table.version, at: at)
    }

    @Test("The root says what is served")
    func root() throws {
        try note("r1")
        let answer = ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"))
        #expect(answer.hasSuffix(#"{"id":"a\"b","serves":["/explain/{request id}"],"explained_picks":1}"# + "\n"))
    }

    @Test("Every pick of a request is told, the first one first")
    func picks() throws {
        for (request, at) in [("r1", 8_000), ("r2", 8_100), ("r1", 8_500)] { try note(request, at: at) }
        let answer = ask("GET /explain/r1 HTTP/1.1\r\n\r\n")
        #expect(
            answer.contains(
                #"{"request":"r1","picks":[{"age_milliseconds":1000,"explanation":{"policy":"least_load","reason":"order""#
            )
        )
        #expect(answer.contains(#",{"age_milliseconds":500,"explanation":"#) && !answer.contains("900"))
        #expect(ask("GET /explain/r3 HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 404 Not Found\r\n"))
        #expect(ask("GET /other HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 404 Not Found\r\n"))
    }

    @Test(
        "What is no question gets an error",
        arguments: ["", "GET", "GET / HTTP/2", "GET x HTTP/1.1", "\0\0 / HTTP/1.1"]
    )
    func malformed(head: String) {
        let answer = ask(head)
        #expect(answer.hasPrefix("HTTP/1.1 400") || answer.hasPrefix("HTTP/1.1 405"))
    }

    @Test("Other methods are refused")
    func methods() {
        let answer = ask("POST / HTTP/1.1\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 405 Method Not Allowed\r\n") && answer.contains("\r\nAllow: GET\r\n"))
    }

    @Test("The oldest picks make room for new ones")
    func bounded() throws {
        for number in 0..<RecentExplanations.picksMax + 3 { try note("r\(number)") }
        #expect(shared.explanations.count == RecentExplanations.picksMax)
        #expect(
            shared.explanations.text(of: "r2", at: now) == nil && shared.explanations.text(of: "r3", at: now) != nil
        )
        #expect(shared.explanations.text(of: "r\(RecentExplanations.picksMax + 2)", at: now) != nil)
    }

    @Test(
        "A name is accepted when it can be shown as it is",
        arguments: [
            ("req-1", true), ("", false), ("a b", false), ("a\"b", false), ("a/b", false), ("é", false),
            ("a\u{7f}", false),
            (String(repeating: "x", count: 128), true), (String(repeating: "x", count: 129), false), ("a%20", false),
        ]
    )
    func names(name: String, isAcceptable: Bool) {
        let bytes = Array(name.utf8)
        #expect(RequestName.isAcceptable(bytes.span, 0..<bytes.count) == isAcceptable)
    }

    @Test("Made names are acceptable and differ")
    func made() {
        var random = SplitMix64(seed: 1)
        let names = (0..<100).map { _ in RequestName.made(using: &random) }
        #expect(Set(names).count == 100 && names.allSatisfy { $0.utf8.count == 20 })
    }
}
