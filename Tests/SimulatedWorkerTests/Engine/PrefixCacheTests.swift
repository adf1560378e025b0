import Testing

@testable import SimulatedWorker

@Suite("Prefix cache")
struct PrefixCacheTests {
    @Test("Only the common start of two chains is found")
    func matchesCommonStart() {
        var cache = PrefixCache(blocksMax: 10)
        cache.insert([1, 2, 3])
        #expect(cache.matchedBlocks([1, 2, 3]) == 3)
        #expect(cache.matchedBlocks([1, 2, 9, 3]) == 2)
        #expect(cache.matchedBlocks([2, 3]) == 2)
        #expect(cache.matchedBlocks([9, 1]) == 0)
    }

    @Test("The least recently used chain loses its end first")
    func evictsOldestFromItsEnd() {
        var cache = PrefixCache(blocksMax: 6)
        cache.insert([1, 2, 3])
        cache.insert([11, 12, 13])
        cache.insert([1, 2, 3])
        cache.insert([21, 22])
        #expect(cache.count == 6)
        #expect(cache.matchedBlocks([1, 2, 3]) == 3)
        #expect(cache.matchedBlocks([11, 12, 13]) == 1)
        #expect(cache.matchedBlocks([21, 22]) == 2)
    }

    @Test("A chain never evicts its own start")
    func chainLongerThanCacheKeepsItsStart() {
        var cache = PrefixCache(blocksMax: 3)
        cache.insert([7])
        cache.insert([1, 2, 3, 4, 5])
        #expect(cache.count == 3)
        #expect(cache.matchedBlocks([1, 2, 3, 4, 5]) == 3)
        #expect(cache.matchedBlocks([7]) == 0)
    }

    @Test("A cache without room keeps nothing")
    func emptyCapacity() {
        var cache = PrefixCache(blocksMax: 0)
        cache.insert([1, 2])
        #expect(cache.count == 0)
    }

    @Test("Of every chain that was inserted a start is held, and never more blocks than allowed", arguments: 1...20)
    func randomChainsKeepInvariants(seed: UInt64) {
        var generator = SplitMix(state: seed)
        var cache = PrefixCache(blocksMax: 50)
        var chains: [[UInt64]] = []
        for _ in 0..<300 {
            var chain =
                chains.randomElement(using: &generator).map {
                    Array($0.prefix(Int.random(in: 0...8, using: &generator)))
                } ?? []
            for _ in 0..<Int.random(in: 1...6, using: &generator) { chain.append(generator.next()) }
            chains.append(chain)
            cache.insert(chain)
            #expect(cache.count <= 50)
            #expect(cache.matchedBlocks(chain) == min(50, chain.count))
        }
        for chain in chains {
            let matched = cache.matchedBlocks(chain)
            let orphans = chain.dropFirst(matched).filter { cache.matchedBlocks([$0]) == 1 }
            #expect(orphans.isEmpty)
        }
    }
}

/// A generator that gives the same numbers for the same seed.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
