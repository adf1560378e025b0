import SignalboxProtocol
import Testing

@testable import DataPlaneCore

/// Data planes that tell one another what they have.
struct PeerExchangeTests {
    @Test("Every data plane picks by the sum over all, and a request that has ended is gone with the next datagram")
    func sums() throws {
        let planes = try (1...4).map { try ExchangingPlane(UInt64($0)) }
        for plane in planes.dropFirst() { plane.shared.loads.increment(slot: plane.slot(1)) }
        for plane in planes.dropFirst() { planes[0].hear(plane.tell([planes[0]], at: 50), at: 60) }
        #expect(planes[0].shared.loads.fleetInFlight(slot: planes[0].slot(1)) == 3)
        #expect(planes[0].shared.loads.inFlight(slot: planes[0].slot(1)) == 0)
        #expect(planes[0].shared.loads.fleetInFlight(slot: planes[0].slot(0)) == 0)
        planes[1].shared.loads.decrement(slot: planes[1].slot(1))
        planes[0].hear(planes[1].tell([planes[0]], at: 100), at: 110)
        #expect(planes[0].shared.loads.fleetInFlight(slot: planes[0].slot(1)) == 2)
    }

    @Test("What was routed is known everywhere, by worker, whatever the order of workers is there")
    func placements() throws {
        let (one, other) = (try ExchangingPlane(1), try ExchangingPlane(2, workers: [3, 1, 2]))
        let blocks: [UInt64] = Array(100..<120)
        other.hear(one.tell([other], at: 0), at: 0)
        one.route(blocks, to: 0, at: 10)
        other.hear(one.tell([other], at: 50), at: 51)
        #expect(other.depths(blocks) == [0, 20, 0])
        #expect(other.shared.loads.pendingTokens(slot: other.slot(1)) > 2_000)
    }

    @Test("A worker that computes for another data plane is not idle, and its progress counts")
    func progress() throws {
        let (one, other) = (try ExchangingPlane(1), try ExchangingPlane(2))
        one.route(Array(0..<100), to: 0, at: 1_000)
        other.hear(one.tell([other], at: 1_500), at: 1_500)
        let slot = other.slot(0)
        let pending = Double(other.shared.loads.pendingTokens(slot: slot))
        let at = MonotonicTime(milliseconds: 2_000)
        #expect(other.shared.loads.remainingTokens(slot: slot, rate: 1_000, at: at) == pending - 1_000)
        other.shared.loads.addPending(5_000, slot: slot, at: at)
        #expect(other.shared.loads.remainingTokens(slot: slot, rate: 1_000, at: at) == pending + 5_000 - 1_000)
    }

    @Test("When another data plane sees a first token, the worker turns to the next request, and is not overdue")
    func turnsToTheNext() throws {
        let (one, other) = (try ExchangingPlane(1), try ExchangingPlane(2))
        one.route(Array(0..<100), to: 0, at: 1_000)
        other.hear(one.tell([other], at: 1_050), at: 1_050)
        let slot = other.slot(0)
        let pending = other.shared.loads.pendingTokens(slot: slot)
        // It came to a busy worker.
        other.shared.loads.addPending(1_000, slot: slot, at: MonotonicTime(milliseconds: 1_100))
        one.shared.loads.addPending(-pending, slot: one.slot(0), at: MonotonicTime(milliseconds: 9_000))
        other.hear(one.tell([other], at: 9_050), at: 9_050)
        let at = MonotonicTime(milliseconds: 9_100)
        #expect(other.shared.loads.remainingTokens(slot: slot, rate: 1_000, at: at) == 950)
    }

    @Test("Lost, late and doubled datagrams leave the sums right once one more has come")
    func lossIsHealed() throws {
        var random = SplitMix64(seed: 9)
        let (one, other) = (try ExchangingPlane(1), try ExchangingPlane(2))
        var late: [[PeerExchange.Outgoing]] = []
        for step in 1...500 {
            let index = Int(random.next() % 3)
            if random.next() % 2 == 0 {
                one.shared.loads.increment(slot: one.slot(index))
            } else if one.shared.loads.inFlight(slot: one.slot(index)) > 0 {
                one.shared.loads.decrement(slot: one.slot(index))
            }
            let told = one.tell([other], at: step * 50)
            switch random.next() % 4 {
            case 0: late.append(told)
            case 1: break
            default:
                other.hear(told, at: step * 50)
                if random.next() % 3 == 0 { other.hear(told, at: step * 50) }
                if let old = late.popLast() { other.hear(old, at: step * 50) }
                for index in 0..<3 {
                    let expected = one.shared.loads.inFlight(slot: one.slot(index))
                    #expect(other.shared.loads.fleetInFlight(slot: other.slot(index)) == expected)
                }
            }
        }
        let status = try #require(other.exchange.status(at: MonotonicTime(milliseconds: 25_000)).first)
        #expect(status.id == "plane-1" && status.lost > 0 && status.received > 200)
    }

    @Test("The sums of a dead peer are dropped, those of its successor count")
    func deadPeer() throws {
        let (one, other, successor) = (try ExchangingPlane(1), try ExchangingPlane(2), try ExchangingPlane(3))
        one.shared.loads.increment(slot: one.slot(0))
        other.hear(one.tell([other], at: 0), at: 0)
        _ = other.tell([one], at: 450)
        #expect(other.shared.loads.fleetInFlight(slot: other.slot(0)) == 1)
        _ = other.tell([one], at: 500)
        #expect(other.shared.loads.fleetInFlight(slot: other.slot(0)) == 0)
        #expect(other.exchange.peerCount == 0)
        successor.shared.loads.increment(slot: successor.slot(0))
        other.hear(successor.tell([other], at: 550), at: 550)
        #expect(other.shared.loads.fleetInFlight(slot: other.slot(0)) == 1)
        other.exchange.forget(successor.exchange.id, at: MonotonicTime(milliseconds: 600))
        #expect(other.shared.loads.fleetInFlight(slot: other.slot(0)) == 0)
    }

    @Test("A new table gets the sums, too")
    func newTable() throws {
        let (one, other) = (try ExchangingPlane(1), try ExchangingPlane(2))
        one.shared.loads.increment(slot: one.slot(2))
        other.hear(one.tell([other], at: 0), at: 0)
        other.shared.loads.setPeers(PeersLoad(), slot: other.slot(2), at: MonotonicTime(milliseconds: 0))
        other.shared.setPlaces(of: other.table)
        _ = other.tell([one], at: 50)
        #expect(other.shared.loads.fleetInFlight(slot: other.slot(2)) == 1)
    }

    @Test("Nothing is kept for nobody, and no more than the outbox may hold")
    func outboxIsBounded() throws {
        let (one, other) = (try ExchangingPlane(1), try ExchangingPlane(2))
        one.route(Array(0..<100), to: 0, at: 0)
        #expect(one.shared.outbox.take(bytesMax: .max).isEmpty)
        _ = one.tell([other], at: 0)
        for step in 0..<200 { one.route((0..<1_000).map { UInt64(step * 1_000 + $0) }, to: 0, at: 0) }
        #expect(one.shared.outbox.dropped > 0)
        let told = one.tell([other], at: 50)
        #expect(told.allSatisfy { $0.bytes.count <= PeerDatagram.bytesMax })
        var left = 0
        while !one.shared.outbox.take(bytesMax: 100_000).isEmpty { left += 1 }
        #expect(left > 0)
    }

    @Test("A new data plane copies what a peer knows, with its age, within bounded pieces")
    func copy() throws {
        let (one, newcomer) = (try ExchangingPlane(1), try ExchangingPlane(2, workers: [2, 3, 1]))
        _ = one.exchange.beginCopy(at: MonotonicTime(milliseconds: 0), known: [])
        func text(_ number: Int) -> [UInt64] { (0..<75).map { BlockHasher.mix(UInt64(number * 75 + $0)) } }
        let old = text(1_000)
        one.route(old, to: 1, at: 0)
        for number in 0..<30 { one.route(text(number), to: number % 3, at: 0) }
        var time = 0
        var requests = newcomer.exchange.beginCopy(at: MonotonicTime(milliseconds: time), known: [one.exchange.id])
        var pieces = 0
        while newcomer.exchange.isCopying {
            let request = try #require(requests.first)
            #expect(request.to == one.exchange.id)
            let answers = one.exchange.received(request.bytes, at: MonotonicTime(milliseconds: time))
            let answer = try #require(answers.first)
            #expect(answer.to == newcomer.exchange.id && answer.bytes.count <= PeerDatagram.bytesMax)
            requests = newcomer.exchange.received(answer.bytes, at: MonotonicTime(milliseconds: time))
            pieces += 1
            time += 1
        }
        #expect(pieces >= 1)
        #expect(newcomer.shared.prefixIndex.count == one.shared.prefixIndex.count)
        #expect(newcomer.depths(old)[0] == one.depths(old)[1])
        // It ages on as it would have there: the caches hold 2,343 blocks.
        for step in 0..<200 { newcomer.route([BlockHasher.mix(UInt64(900_000 + step))], to: 0, at: time) }
        #expect(newcomer.depths(old)[0] == 0)
        #expect(newcomer.depths(text(29))[1] == 75)
    }

    @Test("A peer that does not answer holds a new data plane up for a bounded time")
    func silentCopy() throws {
        let newcomer = try ExchangingPlane(2)
        var asked = newcomer.exchange.beginCopy(at: MonotonicTime(milliseconds: 0), known: [PeerID(1)]).count
        var time = 0
        while newcomer.exchange.isCopying && time < 10_000 {
            time += 50
            let told = newcomer.exchange.timePassed(at: MonotonicTime(milliseconds: time), known: [PeerID(1)])
            asked += told.count { $0.to != nil }
        }
        #expect(time == IndexCopy.millisecondsMax)
        #expect(asked > 10)
    }

    /// A new data plane copies while only some of the others answer; returns how long it took in milliseconds.
    private func copy(to newcomer: ExchangingPlane, from known: [PeerID], answering: [ExchangingPlane]) -> Int {
        var time = 0
        var outgoing = newcomer.exchange.beginCopy(at: MonotonicTime(milliseconds: 0), known: known)
        while newcomer.exchange.isCopying, time < 10_000 {
            let now = MonotonicTime(milliseconds: time)
            var replies: [PeerExchange.Outgoing] = []
            for request in outgoing where request.to != nil {
                guard let asked = answering.first(where: { $0.exchange.id == request.to }) else { continue }
                for answer in asked.exchange.received(request.bytes, at: now) {
                    replies += newcomer.exchange.received(answer.bytes, at: now)
                }
            }
            outgoing = replies
            guard replies.isEmpty, newcomer.exchange.isCopying else { continue }
            time += 50
            outgoing = newcomer.exchange.timePassed(at: MonotonicTime(milliseconds: time), known: known)
        }
        return time
    }

    @Test("It goes on to the next peer when one is new itself, has nothing, or does not answer")
    func copyFromTheNext() throws {
        let (full, newborn, empty) = (try ExchangingPlane(1), try ExchangingPlane(2), try ExchangingPlane(3))
        let text: [UInt64] = (0..<75).map { BlockHasher.mix(UInt64($0)) }
        for plane in [full, empty] {
            #expect(plane.exchange.beginCopy(at: MonotonicTime(milliseconds: 0), known: []).isEmpty)
        }
        full.route(text, to: 0, at: 0)
        // It was told something, but has not copied what was before.
        newborn.shared.prefixIndex.insert([BlockHasher.mix(1_000)], lane: 0, newborn.table.pools[0].cacheGroup)
        let silent = PeerID(9)
        for order in [[newborn], [empty], [newborn, empty]] {
            let newcomer = try ExchangingPlane(4)
            let known = order.map(\.exchange.id) + [full.exchange.id]
            #expect(copy(to: newcomer, from: known, answering: [full, newborn, empty]) == 0)
            #expect(newcomer.depths(text)[0] == 75)
        }
        let newcomer = try ExchangingPlane(4)
        let known = [silent, newborn.exchange.id, full.exchange.id]
        #expect(copy(to: newcomer, from: known, answering: [full, newborn]) < IndexCopy.millisecondsMax / 2)
        #expect(newcomer.depths(text)[0] == 75)
        // Where all are new nobody waits for anybody.
        #expect(copy(to: try ExchangingPlane(5), from: [newborn.exchange.id], answering: [newborn]) == 0)
    }

    @Test("Whatever datagram comes, the exchange goes on")
    func hostileDatagrams() throws {
        let (one, other) = (try ExchangingPlane(1), try ExchangingPlane(2))
        var random = SplitMix64(seed: 5)
        one.route((0..<50).map { BlockHasher.mix(UInt64($0)) }, to: 0, at: 0)
        var empty = PeerDatagram(sender: PeerID(9), sequence: 0)
        empty.loads = []
        _ = other.exchange.received(empty.encoded(), at: MonotonicTime(milliseconds: 0))
        #expect(other.exchange.peerCount == 0)
        for step in 1...5_000 {
            var bytes = one.tell([other], at: step).flatMap(\.bytes)
            for _ in 0..<(1 + Int(random.next() % 6)) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            _ = other.exchange.received(bytes, at: MonotonicTime(milliseconds: step))
        }
        #expect(other.exchange.peerCount <= PeerExchange.peersMax)
    }

    @Test("That most others are not heard counts when it lasts, and no longer than that")
    func silence() throws {
        let (one, other) = (try ExchangingPlane(1), try ExchangingPlane(2))
        func note(_ count: Int, at milliseconds: Int) -> Int {
            one.exchange.noteSilent(count, at: MonotonicTime(milliseconds: milliseconds))
            return one.shared.loads.unheardFactor
        }
        #expect(note(3, at: 1_000) == 1)
        #expect(note(3, at: 2_999) == 1, "one that starts has not heard anybody yet")
        #expect(note(3, at: 3_000) == 4)
        one.hear(other.tell([one], at: 3_010), at: 3_010)
        #expect(note(2, at: 3_050) == 2, "one of three is heard")
        #expect(note(1, at: 3_100) == 1)
        #expect(note(2, at: 3_150) == 1, "it begins anew")
    }

    @Test("Alone it does not wait for a copy")
    func aloneCopy() throws {
        let alone = try ExchangingPlane(1)
        #expect(alone.exchange.beginCopy(at: MonotonicTime(milliseconds: 0), known: []).isEmpty)
        #expect(!alone.exchange.isCopying)
    }
}
