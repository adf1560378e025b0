import Testing

@testable import DataPlaneCore

struct BlockPopularityTests {
    private func texts(_ count: Int) -> [[UInt64]] {
        var random = SplitMix64(seed: 5)
        let common = (0..<3).map { _ in random.next() }
        return (0..<count).map { _ in common + (0..<20).map { _ in random.next() } }
    }

    @Test("The block behind what all texts begin with tells them apart")
    func telling() {
        let popularity = BlockPopularity()
        let texts = texts(400)
        #expect(popularity.telling(texts[0], workers: 8) == 0)
        for text in texts { popularity.note(text, workers: 8) }
        #expect(popularity.telling(texts[0], workers: 8) == 3)
        #expect(popularity.telling([], workers: 8) == nil)
        #expect(popularity.telling(Array(texts[0].prefix(3)), workers: 8) == nil)
    }

    @Test("Asking makes nothing popular, however often a request that waits asks")
    func asking() {
        let popularity = BlockPopularity()
        let texts = texts(2)
        for _ in 0..<10_000 { #expect(popularity.telling(texts[0], workers: 2) == 0) }
    }
}
