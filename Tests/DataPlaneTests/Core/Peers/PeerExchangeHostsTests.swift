import SignalboxProtocol
import Testing

@testable import DataPlaneCore

/// Data planes of several hosts: small datagrams, workers named by their URLs.
struct PeerExchangeHostsTests {
    private static let origin = UpstreamAddress.ip(Samples.address(77), port: 7000)

    private static func time(_ milliseconds: Int) -> MonotonicTime { MonotonicTime(milliseconds: milliseconds) }

    private static func addresses(_ number: UInt8) -> [String: [IPAddress]] {
        Dictionary(uniqueKeysWithValues: (1...8).map { ("worker-\($0)", [Samples.address($0 + number)]) })
    }

    /// A data plane below a control plane of its own: the same URLs are other incarnations.
    private static func plane(_ number: UInt64, workers: [Int] = [1, 2, 3]) throws -> ExchangingPlane {
        var generator = SplitMix64(seed: 1_000 + number)
        return try ExchangingPlane(number, workers: workers, addresses: addresses(UInt8(number))) { worker in
            worker.incarnation = IncarnationID.random(using: &generator)
        }
    }

    private static func tell(_ plane: ExchangingPlane, at milliseconds: Int) -> [PeerExchange.Outgoing] {
        plane.exchange.timePassed(at: time(milliseconds), known: [], tellsOtherHosts: true)
    }

    private static func hear(_ plane: ExchangingPlane, _ outgoing: [PeerExchange.Outgoing], at milliseconds: Int) {
        for datagram in outgoing {
            #expect(datagram.isBetweenHosts && datagram.bytes.count <= SealedDatagram.payloadBytesMax)
            _ = plane.exchange.received(datagram.bytes, at: time(milliseconds), from: origin)
        }
    }

    @Test("Loads are summed by URL though each host has incarnations of its own, and die with their sender")
    func sums() throws {
        let (one, other) = (try Self.plane(1), try Self.plane(2, workers: [3, 1, 2]))
        one.shared.loads.increment(slot: one.slot(0))
        one.shared.loads.increment(slot: one.slot(2))
        Self.hear(other, Self.tell(one, at: 50), at: 60)
        #expect((0..<3).map { other.shared.loads.fleetInFlight(slot: other.slot($0)) } == [1, 1, 0])
        let status = try #require(other.exchange.status(at: Self.time(60)).first)
        #expect(status.id == "plane-1" && status.address == "10.0.0.77:7000" && status.lost == 0)
        one.shared.loads.decrement(slot: one.slot(0))
        Self.hear(other, Self.tell(one, at: 100), at: 110)
        #expect((0..<3).map { other.shared.loads.fleetInFlight(slot: other.slot($0)) } == [1, 0, 0])
        _ = other.exchange.timePassed(at: Self.time(610), known: [])
        #expect((0..<3).map { other.shared.loads.fleetInFlight(slot: other.slot($0)) } == [0, 0, 0])
    }

    @Test("A worker at a loopback address is another one on each host")
    func loopback() throws {
        var loopback = SIMD16<UInt8>(repeating: 0)
        (loopback[0], loopback[3]) = (127, 1)
        let addresses = ["worker-1": [IPAddress(bytes: loopback, isIPv6: false)]]
        var generator = SplitMix64(seed: 4)
        let one = try ExchangingPlane(1, workers: [1], addresses: addresses)
        let other = try ExchangingPlane(2, workers: [1], addresses: addresses) { worker in
            worker.incarnation = IncarnationID.random(using: &generator)
        }
        one.shared.loads.increment(slot: one.slot(0))
        Self.hear(other, Self.tell(one, at: 50), at: 60)
        #expect(other.exchange.peerCount == 1)
        #expect(other.shared.loads.fleetInFlight(slot: other.slot(0)) == 0)
    }

    @Test("Long texts are known on other hosts, too")
    func placements() throws {
        let (one, other) = (try Self.plane(1), try Self.plane(2, workers: [3, 1, 2]))
        _ = Self.tell(one, at: 0)
        let (long, short) = ((1_000..<2_000).map(BlockHasher.mix), (100..<110).map(BlockHasher.mix))
        one.route(short, to: 2, at: 10)
        one.route(long, to: 0, at: 10)
        let told = Self.tell(one, at: 50)
        #expect(told.count == 1 + 7)
        Self.hear(other, told, at: 60)
        #expect(other.depths(short) == [10, 0, 0])
        #expect(other.depths(long) == [0, 1_000, 0])
    }

    @Test("One tick has a bounded number of datagrams, and the longest text passes")
    func bounded() throws {
        let one = try Self.plane(1)
        _ = Self.tell(one, at: 0)
        for step in 0..<20 { one.route((0..<BlockHasher.blocksMax).map { UInt64(step * 10_000 + $0) }, to: 0, at: 0) }
        var told = 0
        for tick in 1...100 {
            let outgoing = Self.tell(one, at: tick * 50)
            #expect(outgoing.count < 40)
            told += outgoing.compactMap { PeerDatagram($0.bytes) }.flatMap(\.placements).reduce(0) {
                $0 + $1.blocks.count
            }
        }
        // What was beyond the outbox when it came is not told.
        #expect(told >= 20 * BlockHasher.blocksMax)
    }

    @Test(
        "Loads of many workers are divided; a share speaks of its own workers only",
        arguments: [0, 1, 60, 61, 500, 3_000]
    )
    func shares(workers: Int) {
        var random = SplitMix64(seed: 1)
        let loads = (0..<workers).map { _ in PeerDatagram.Load(worker: random.next(), inFlight: 1) }
        let shares = PeerExchange.shares(of: loads)
        #expect(!shares.isEmpty && shares.allSatisfy { $0.1.count <= PeerExchange.loadsPerDatagram })
        #expect(shares.reduce(0) { $0 + $1.1.count } == workers)
        for (share, loads) in shares { #expect(loads.allSatisfy { share.contains($0.worker) }) }
        var full = PeerDatagram(sender: PeerID(1), sequence: 1, name: String(repeating: "n", count: 64))
        full.share = PeerDatagram.Share(index: 0, count: 1)
        full.loads = Array(repeating: PeerDatagram.Load(worker: 1), count: PeerExchange.loadsPerDatagram)
        #expect(full.encoded().count <= SealedDatagram.payloadBytesMax)
        #expect(PeerDatagram(full.encoded()) == full)
    }

    @Test("A lost share leaves the others' sums right, and the next one heals it, whatever the number of shares")
    func sharesHeal() throws {
        let (one, other) = (try Self.plane(1), try Self.plane(2))
        let keys = one.table.workers.map(\.urlKey)
        var sequence: UInt64 = 0
        func hear(_ share: PeerDatagram.Share, _ loads: [PeerDatagram.Load]) {
            sequence += 1
            var datagram = PeerDatagram(sender: PeerID(1), sequence: sequence)
            (datagram.share, datagram.loads) = (share, loads)
            _ = other.exchange.received(datagram.encoded(), at: Self.time(Int(sequence)), from: Self.origin)
        }
        var random = SplitMix64(seed: 6)
        for step in 1...300 {
            let count = UInt32(1 + random.next() % 4)
            for index in 0..<count where random.next() % 4 > 0 {
                let share = PeerDatagram.Share(index: index, count: count)
                hear(share, keys.filter(share.contains).map { PeerDatagram.Load(worker: $0, inFlight: UInt32(step)) })
                for (slot, key) in keys.enumerated() where share.contains(key) {
                    #expect(other.shared.loads.fleetInFlight(slot: other.slot(slot)) == step)
                }
            }
        }
        let share = PeerDatagram.Share(index: 0, count: 1)
        hear(share, [])
        #expect((0..<3).map { other.shared.loads.fleetInFlight(slot: other.slot($0)) } == [0, 0, 0])
    }

    @Test("Who is heard on this host is not heard again by the longer way")
    func bothWays() throws {
        let (one, other) = (try Self.plane(1), try Self.plane(2))
        one.shared.loads.increment(slot: one.slot(0))
        Self.hear(other, Self.tell(one, at: 0), at: 0)
        #expect(other.exchange.status(at: Self.time(0)).first?.address != nil)
        one.shared.loads.increment(slot: one.slot(0))
        let told = one.exchange.timePassed(at: Self.time(50), known: [PeerID(2)], tellsOtherHosts: true)
        #expect(told.map(\.isBetweenHosts) == [false, true])
        other.hear([told[0]], at: 50)
        #expect(other.exchange.status(at: Self.time(50)).first?.address == nil)
        Self.hear(other, [told[1]], at: 60)
        let status = try #require(other.exchange.status(at: Self.time(60)).first)
        #expect(status.address == nil && status.received == 1)
    }

    @Test("No index is copied between hosts")
    func copy() throws {
        let other = try Self.plane(2)
        var datagram = PeerDatagram(sender: PeerID(1), sequence: 0)
        datagram.copyRequest = IndexCopyRequest(cursor: 0)
        #expect(other.exchange.received(datagram.encoded(), at: Self.time(0), from: Self.origin).isEmpty)
        #expect(!other.exchange.received(datagram.encoded(), at: Self.time(0)).isEmpty)
    }
}
