import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct PrefixCensusTests {
    private let group = CacheGroup(seed: 1)

    private func hashes(_ range: Range<UInt64>) -> [UInt64] { range.map { ($0 &+ 1) &* 0x9E37_79B9_7F4A_7C15 } }

    @Test("What a pass counts is what the workers were sent, however many pieces it takes", arguments: [10, 40_000])
    func counts(blocks: Int) throws {
        var slots = WorkerSlots(SharedState(slotsMax: 8))
        let first = slots.lease(for: Samples.worker(1).incarnation)
        let second = slots.lease(for: Samples.worker(2).incarnation)
        let (one, two) = (try #require(first), try #require(second))
        let index = PrefixIndex(bytesMax: 64 << 20)
        index.insert(hashes(0..<UInt64(blocks)), lane: try #require(one.lane), group)
        index.insert(hashes(0..<UInt64(blocks / 2)), lane: try #require(two.lane), group)
        var census = PrefixCensus()
        var pieces = 0
        while census.bytes(one) == 0 && pieces < 1_000 {
            census.advance(index, [one, two])
            pieces += 1
        }
        #expect(census.bytes(one) == blocks * BlockHasher.blockBytes)
        #expect(census.bytes(two) == blocks / 2 * BlockHasher.blockBytes)
        #expect(
            pieces <= 1 + blocks * 2 / (PrefixCensus.placesOfLook * PrefixCensus.looksMax) * PrefixIndex.waysPerBucket
        )
    }

    @Test("A worker that gets the lane of another one has nothing of it")
    func owners() throws {
        var slots = WorkerSlots(SharedState(slotsMax: 8))
        let former = slots.lease(for: Samples.worker(1).incarnation)
        let old = try #require(former)
        let index = PrefixIndex(bytesMax: 1 << 20)
        index.insert(hashes(0..<10), lane: try #require(old.lane), group)
        var census = PrefixCensus()
        census.advance(index, [old])
        #expect(census.bytes(old) > 0)
        index.forget(lane: try #require(old.lane))
        _ = slots.retire(allBut: [])
        let latter = slots.lease(for: Samples.worker(2).incarnation)
        let new = try #require(latter)
        #expect(new.lane == old.lane && census.bytes(new) == 0)
        census.advance(index, [new])
        #expect(census.bytes(new) == 0 && census.bytes(old) == 0)
    }
}
