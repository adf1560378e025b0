/// Which worker a key belongs to: each has a score for each key, and the best one wins (weighted rendezvous hashing).
///
/// A worker's share of the keys is its weight's share, exactly and whatever the weights are; one that comes, goes or changes its
/// weight moves only what it gains or loses, and its keys go to all others. Scores depend on the worker's name, its weight
/// and the key alone: data planes agree without talking. It is made of all workers of a pool, so that one that is unhealthy
/// for a while loses its keys only for that while.
struct Rendezvous: Sendable {
    private struct Member: Sendable {
        let index: Int
        let seed: UInt64
        let weight: Double
    }

    private let members: [Member]

    /// - Parameter members: indexes of workers, with the names that their scores are made of.
    init(_ members: [(index: Int, name: String, weight: Int)]) {
        self.members = members.map { member in
            let name = Array(member.name.utf8)
            return Member(
                index: member.index,
                seed: BlockHasher.hash(name.span, 0..<name.count),
                weight: Double(max(1, member.weight))
            )
        }
    }

    /// The number of workers, and the index of the one at a place, in the order of addition.
    var count: Int { members.count }
    func index(at place: Int) -> Int? { members.indices.contains(place) ? members[place].index : nil }

    /// The best worker for `key` that is accepted; nil when none is.
    @inline(__always)
    func first(for key: UInt64, where accepts: (Int) -> Bool) -> Int? {
        var best: Int?
        var bestTime = Double.infinity
        for member in members {
            let (time, isBetter) = Rendezvous.time(key, member.seed, member.weight, below: bestTime)
            if isBetter, accepts(member.index) {
                best = member.index
                bestTime = time
            }
        }
        return best
    }

    /// When the worker would be the first to come, if each came at its weight's rate: the earliest of several is each one with
    /// the probability of its weight's share.
    ///
    /// - Parameter limit: later times are not computed, which spares nearly all logarithms.
    static func time(
        _ key: UInt64,
        _ seed: UInt64,
        _ weight: Double,
        below limit: Double = .infinity
    ) -> (time: Double, isBelow: Bool) {
        // In the open interval from 0 to 1.
        let uniform = (Double(BlockHasher.mix(key ^ seed) >> 11) + 0.5) * 0x1p-53
        // The negative logarithm is never less than this.
        guard 1 - uniform < limit * weight else { return (limit, false) }
        let time = -logarithm(uniform) / weight
        return (time, time < limit)
    }

    /// The natural logarithm to 9 digits, the same with every C library: data planes must not differ in a pick.
    static func logarithm(_ value: Double) -> Double {
        var (exponent, fraction) = (Double(value.exponent), value.significand)
        if fraction > 1.414_213_562_373_095_1 {
            fraction /= 2
            exponent += 1
        }
        // 2 artanh(s), of which s is at most 0.172.
        let s = (fraction - 1) / (fraction + 1)
        let q = s * s
        let series = 1 + q * (1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q / 11))))
        return exponent * 0.693_147_180_559_945_3 + 2 * s * series
    }
}
