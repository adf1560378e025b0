import SignalboxProtocol
import Testing

@testable import DataPlaneCore

/// Which key `consistent_hashing` takes from a request's fields.
struct ProxyEngineKeyTests {
    private static func bench(weights: [Int] = [1, 1, 1, 1], _ forwarded: ForwardedFields = .append) throws
        -> EngineBench
    {
        var bench = EngineBench()
        let workers = weights.enumerated().map { index, weight in
            var worker = Samples.worker(index + 1)
            worker.weight = weight
            return worker
        }
        try bench.apply(
            workers,
            policy: .consistentHashing,
            settings: Samples.settings { $0.forwardedFields = forwarded }
        )
        return bench
    }

    /// The worker that a request with these fields gets, from a client at this address.
    private func worker(_ bench: inout EngineBench, _ fields: [String], from address: UInt8 = 9) -> UInt8? {
        let client = bench.network.open(isUpstream: false)
        bench.engine.accepted(client, peer: ClientPeer(address: Samples.address(address)), &bench.network)
        let lines = fields.map { $0 + "\r\n" }.joined()
        bench.receive(client, "POST /generate HTTP/1.1\r\nHost: a\r\n\(lines)Content-Length: 1\r\n\r\na")
        let upstream = bench.engine.clients.slots[client.index].upstream
        let worker = upstream.flatMap { bench.worker(of: $0) }
        bench.engine.ended(client, &bench.network)
        return worker
    }

    @Test("A request without a key goes anywhere by weight, though the proxy adds the client's address")
    func keyless() throws {
        var bench = try Self.bench(weights: [1, 4, 1, 4])
        var counts = [0, 0, 0, 0]
        for _ in 0..<1_000 { counts[Int(try #require(worker(&bench, []))) - 1] += 1 }
        // Six standard deviations.
        #expect(zip(counts, [100, 400, 100, 400]).allSatisfy { abs($0 - $1) < 95 }, "\(counts)")
    }

    @Test("The fields count in the order of the specification, whatever their order in the request")
    func precedence() throws {
        var bench = try Self.bench()
        // Each before the one that wins over it; twenty values, so that chance cannot hide the wrong order.
        for number in 0..<20 {
            let fields = [
                "Cookie: c\(number)", "X-Forwarded-For: 192.0.2.\(number)", "Authorization: Bearer \(number)",
                "X-SMG-Routing-Key: k\(number)",
            ]
            for count in 1...fields.count {
                let alone = worker(&bench, [fields[count - 1]])
                #expect(worker(&bench, Array(fields[..<count])) == alone, "\(fields[..<count])")
            }
        }
    }

    @Test("The address that came is the key, not what the proxy makes of it", arguments: ForwardedFields.allCases)
    func forwarded(mode: ForwardedFields) throws {
        var bench = try Self.bench(mode)
        var seen: Set<UInt8?> = []
        for number in 0..<20 {
            let field = ["X-Forwarded-For: 192.0.2.\(number)"]
            let first = worker(&bench, field, from: 9)
            #expect((1...5).allSatisfy { worker(&bench, field, from: UInt8($0)) == first })
            seen.insert(first)
        }
        #expect(seen.count == 4)
    }

    @Test("The first of several fields with a name counts, and an empty one not at all")
    func repeated() throws {
        var bench = try Self.bench()
        for number in 0..<20 {
            let alone = worker(&bench, ["X-SMG-Routing-Key: a\(number)"])
            #expect(worker(&bench, ["X-SMG-Routing-Key: a\(number)", "X-SMG-Routing-Key: b\(number)"]) == alone)
            #expect(worker(&bench, ["Authorization:", "X-SMG-Routing-Key:", "X-SMG-Routing-Key: a\(number)"]) == alone)
        }
    }
}
