import Testing

@testable import DataPlaneCore

struct RendezvousTests {
    private func rendezvous(_ weights: [Int], without gone: Int? = nil) -> Rendezvous {
        Rendezvous(
            weights.enumerated().filter { $0.offset != gone }.map {
                ($0.offset, "http://w\($0.offset):8000", $0.element)
            }
        )
    }

    private func owners(_ rendezvous: Rendezvous, _ keys: Int = 20_000) -> [Int?] {
        (0..<keys).map { rendezvous.first(for: BlockHasher.mix(UInt64($0))) { _ in true } }
    }

    private static let fleets: [[Int]] = [
        [1, 1], [1, 1, 1, 1, 1, 1, 1, 1], [1, 2, 3, 4], [4, 40, 8], [1000, 1, 999], [7, 7, 7, 5],
        [Int](repeating: 3, count: 32),
    ]

    @Test("Every worker has its weight's share of the keys", arguments: fleets)
    func shares(weights: [Int]) {
        let owners = owners(rendezvous(weights))
        for (worker, weight) in weights.enumerated() {
            let share = Double(weight) / Double(weights.reduce(0, +))
            // Six standard deviations.
            let bound = 6 * (20_000 * share * (1 - share)).squareRoot()
            #expect(abs(Double(owners.count { $0 == worker }) - 20_000 * share) <= bound)
        }
    }

    @Test("A worker that comes moves only its own share, and takes all of it", arguments: fleets, [1, 10, 1000])
    func comes(weights: [Int], weight: Int) {
        let (before, after) = (owners(rendezvous(weights)), owners(rendezvous(weights + [weight])))
        let moved = zip(before, after).filter { $0 != $1 }
        #expect(moved.allSatisfy { $0.1 == weights.count }, "a key moved between workers that were there before")
        let share = Double(weight) / Double(weights.reduce(weight, +))
        #expect(Double(moved.count) <= 20_000 * share + 6 * (20_000 * share * (1 - share)).squareRoot())
    }

    @Test("A worker that leaves moves its own keys and no others, to all that stay", arguments: fleets)
    func leaves(weights: [Int]) {
        let before = owners(rendezvous(weights))
        for gone in weights.indices {
            let moved = zip(before, owners(rendezvous(weights, without: gone))).filter { $0 != $1 }
            #expect(moved.allSatisfy { $0.0 == gone }, "a key moved between workers that stay")
            // Of few keys not every other worker gets one.
            if moved.count > 500, weights.min() == weights.max() {
                #expect(Set(moved.map(\.1)).count == weights.count - 1, "its keys went to some of the others only")
            }
        }
    }

    @Test("A worker whose weight changes gains or loses keys, and no other two exchange any")
    func reweighted() {
        let (before, after) = (owners(rendezvous([2, 3, 4])), owners(rendezvous([2, 9, 4])))
        let moved = zip(before, after).filter { $0 != $1 }
        #expect(!moved.isEmpty && moved.allSatisfy { $0.1 == 1 })
    }

    @Test("A worker that takes no request gives its keys to others, whose own stay")
    func refused() {
        let rendezvous = rendezvous([1, 2, 3, 4, 1, 2, 3, 4])
        for key in 0..<2_000 {
            let hash = BlockHasher.mix(UInt64(key))
            let owner = rendezvous.first(for: hash) { _ in true }
            let other = rendezvous.first(for: hash) { $0 != 3 }
            #expect(owner == 3 ? other != 3 && other != nil : other == owner)
        }
        #expect(rendezvous.first(for: 1) { _ in false } == nil)
        #expect(Rendezvous([]).first(for: 1) { _ in true } == nil)
    }

    @Test("The logarithm is one")
    func logarithm() {
        for (value, expected) in [
            (1.0, 0.0), (0.5, -0.693_147_180_559_945), (0.1, -2.302_585_092_994_046), (0x1p-54, -37.429_947_750_237_05),
        ] {
            #expect(abs(Rendezvous.logarithm(value) - expected) < 1e-8)
        }
        #expect(abs(Rendezvous.logarithm(0.7) + Rendezvous.logarithm(0.9) - Rendezvous.logarithm(0.63)) < 1e-8)
    }
}
