import Testing

@testable import DataPlaneCore

struct HashRingTests {
    private func ring(_ count: Int) -> HashRing {
        HashRing((0..<count).map { ($0, "http://w\($0):8000", 1) })
    }

    private func owners(_ ring: HashRing, _ keys: Int) -> [Int?] {
        (0..<keys).map { ring.first(from: BlockHasher.mix(UInt64($0))) { _ in true } }
    }

    @Test("Every worker has about its share of the keys", arguments: [2, 8, 32])
    func shares(count: Int) {
        let owners = owners(ring(count), 20_000)
        for worker in 0..<count {
            let share = Double(owners.count { $0 == worker }) / 20_000
            #expect(abs(share * Double(count) - 1) < 0.35)
        }
    }

    @Test("A worker that comes moves only its own share, and takes all of it", arguments: [4, 16])
    func moves(count: Int) {
        let (before, after) = (owners(ring(count), 20_000), owners(ring(count + 1), 20_000))
        let moved = zip(before, after).filter { $0 != $1 }
        #expect(moved.allSatisfy { $0.1 == count }, "a key moved between workers that were there before")
        #expect(Double(moved.count) / 20_000 < 1.4 / Double(count + 1))
    }

    @Test("A worker that leaves moves its own keys and no others, to all that stay", arguments: [4, 16])
    func leaves(count: Int) {
        let all = ring(count)
        for gone in [0, count / 2, count - 1] {
            let rest = HashRing((0..<count).filter { $0 != gone }.map { ($0, "http://w\($0):8000", 1) })
            let (before, after) = (owners(all, 20_000), owners(rest, 20_000))
            let moved = zip(before, after).filter { $0 != $1 }
            #expect(moved.allSatisfy { $0.0 == gone }, "a key moved between workers that stay")
            #expect(Double(moved.count) / 20_000 < 1.4 / Double(count))
            #expect(Set(moved.map(\.1)).count == count - 1, "its keys went to some of the others only")
        }
    }

    @Test("A worker that takes no request gives its keys to others, whose own stay")
    func refused() {
        let ring = ring(8)
        for key in 0..<2_000 {
            let hash = BlockHasher.mix(UInt64(key))
            let owner = ring.first(from: hash) { _ in true }
            let other = ring.first(from: hash) { $0 != 3 }
            #expect(owner == 3 ? other != 3 && other != nil : other == owner)
        }
        #expect(ring.first(from: 1) { _ in false } == nil)
        #expect(HashRing([]).first(from: 1) { _ in true } == nil)
    }
}
