import Testing

@testable import DataPlaneCore

struct PrefixIndexTests {
    private func hashes(_ text: String, seed: UInt64 = 1) -> [UInt64] {
        let bytes = Array(text.utf8)
        var hashes: [UInt64] = []
        BlockHasher.hash(bytes.span, 0..<bytes.count, seed: seed, into: &hashes)
        return hashes
    }

    private let group = CacheGroup(seed: 1)

    private func depths(_ index: PrefixIndex, _ hashes: [UInt64], _ other: CacheGroup? = nil) -> [Int] {
        var depths = [Int](repeating: 9, count: LaneSet.lanesMax)
        index.match(hashes, into: &depths, other ?? group)
        return depths
    }

    @Test("Texts have equal hashes up to the block in which they first differ, by seed")
    func chained() {
        let one = hashes(String(repeating: "a", count: 1024) + String(repeating: "b", count: 1024))
        let other = hashes(String(repeating: "a", count: 1024) + String(repeating: "c", count: 1024))
        #expect(one.count == 4 && one[..<2] == other[..<2] && one[2] != other[2] && one[3] != other[3])
        #expect(one != hashes(String(repeating: "a", count: 1024) + String(repeating: "b", count: 1024), seed: 2))
    }

    @Test("Models and adapters have chains of their own, whatever the pool")
    func seeds() {
        let names = Array("base:a1 base:a2".utf8)
        func seed(_ model: Range<Int>?, _ adapter: Range<Int>?) -> UInt64 {
            BlockHasher.seed(names.span, model: model, adapter: adapter)
        }
        let seeds = [
            seed(nil, nil), seed(0..<7, nil), seed(8..<15, nil), seed(nil, 0..<7), seed(nil, 8..<15),
            seed(0..<7, 8..<15),
            seed(8..<15, 0..<7),
        ]
        #expect(Set(seeds).count == seeds.count)
    }

    @Test("Hashes change with their version only, which data planes compare")
    func version() {
        #expect(BlockHasher.version == 3)
        #expect(hashes((0..<60).map { "Line \($0) of a text. " }.joined()) == [0x7aaa425fae22ba40, 0xc5a4d6c1143ea3eb])
    }

    @Test("A rest counts from half a block on, and a long text has a bounded number of blocks")
    func rest() {
        #expect(hashes(String(repeating: "a", count: 255)).isEmpty)
        #expect(hashes(String(repeating: "a", count: 256)).count == 1)
        #expect(hashes(String(repeating: "a", count: 512 + 255)).count == 1)
        #expect(hashes(String(repeating: "a", count: 4 << 20)).count == BlockHasher.blocksMax)
    }

    @Test("Every byte of a block changes its hash")
    func everyByte() {
        let text = (0..<512).map { UInt8($0 & 0x7F) }
        var seen: Set<UInt64> = []
        for position in 0..<512 {
            var changed = text
            changed[position] ^= 1
            var hashes: [UInt64] = []
            BlockHasher.hash(changed.span, 0..<512, seed: 0, into: &hashes)
            seen.insert(hashes[0])
        }
        #expect(seen.count == 512)
    }

    @Test("It says for each worker how many leading blocks it was sent")
    func match() {
        let index = PrefixIndex(bytesMax: 1 << 20)
        let text = (1...10).map(UInt64.init)
        index.insert(Array(text[..<3]), lane: 4, group)
        index.insert(Array(text[..<7]), lane: 200, group)
        index.insert([99, 98], lane: 5, group)
        let found = depths(index, text)
        #expect(found[4] == 3 && found[200] == 7 && found[5] == 0)
        #expect(found.reduce(0, +) == 10)
        #expect(depths(index, []).allSatisfy { $0 == 0 })
    }

    @Test("What a worker had is forgotten with it, what others have is not")
    func forget() {
        let index = PrefixIndex(bytesMax: 1 << 20)
        index.insert([1, 2, 3], lane: 0, group)
        index.insert([1, 2], lane: 1, group)
        index.forget(lane: 0)
        #expect(depths(index, [1, 2, 3])[0] == 0 && depths(index, [1, 2, 3])[1] == 2)
        #expect(index.count == 2)
    }

    @Test(
        "It never takes more memory than it may, and forgets what was used least recently",
        arguments: [1, 4_096, 100_000]
    )
    func budget(bytes: Int) {
        let index = PrefixIndex(bytesMax: bytes)
        #expect(index.bytesMax <= max(bytes, PrefixIndex.bucketBytes))
        var random = SplitMix64(seed: 5)
        for _ in 0..<20_000 { index.insert([random.next()], lane: 0, group) }
        #expect(index.count <= index.bucketCount * PrefixIndex.waysPerBucket)
        #expect(index.bytes > 0 && index.bytes <= index.bytesMax)
        let last = random.next()
        index.insert([last], lane: 1, group)
        #expect(depths(index, [last])[1] == 1)
    }

    @Test("A block that has left all caches belongs to the worker alone that is sent it again")
    func staleBlocks() {
        var random = SplitMix64(seed: 5)
        let index = PrefixIndex(bytesMax: 1 << 20)
        group.freshBlocks = 64
        index.insert([7], lane: 0, group)
        for _ in 0..<64 { index.insert([random.next()], lane: 2, group) }
        #expect(depths(index, [7])[0] == 1)
        index.insert([random.next()], lane: 2, group)
        #expect(depths(index, [7])[0] == 0)
        index.insert([7], lane: 1, group)
        #expect(depths(index, [7])[0] == 0 && depths(index, [7])[1] == 1)
    }

    @Test("A block that is used again stays, and one that comes into a second cache takes room there")
    func usedBlocks() {
        var random = SplitMix64(seed: 5)
        let index = PrefixIndex(bytesMax: 1 << 20)
        group.freshBlocks = 10
        index.insert([7], lane: 0, group)
        for _ in 0..<100 {
            index.insert([random.next()], lane: 0, group)
            index.insert([7], lane: 0, group)
        }
        #expect(depths(index, [7])[0] == 1)
        let block = random.next()
        index.insert([block], lane: 0, group)
        for lane in 1...11 { index.insert([block], lane: lane, group) }
        #expect(depths(index, [7])[0] == 0)
    }

    @Test("Models age apart: what one is sent does not age what another has")
    func groupsAgeApart() {
        var random = SplitMix64(seed: 5)
        let index = PrefixIndex(bytesMax: 1 << 20)
        let other = CacheGroup(seed: 2, number: 1)
        group.freshBlocks = 8
        other.freshBlocks = 8
        index.insert([7], lane: 0, group)
        for _ in 0..<1_000 { index.insert([random.next()], lane: 1, other) }
        #expect(depths(index, [7])[0] == 1)
        index.insert([8], lane: 0, other)
        for _ in 0..<9 { index.insert([random.next()], lane: 1, other) }
        #expect(depths(index, [8], other)[0] == 0)
    }

    /// The hash of a block that has this number.
    private func hash(_ number: Int) -> UInt64 {
        var random = SplitMix64(seed: UInt64(number))
        return random.next()
    }

    /// Uses `count` blocks in a circle, so that each is used again when all others were; what then counts as used late.
    private func lateReuse(circle count: Int, _ group: CacheGroup) -> Double {
        let index = PrefixIndex(bytesMax: 1 << 20)
        group.freshBlocks = 400
        // Each circle beside as many blocks that never come again.
        for use in 0..<8_000 {
            index.insert([hash(use % count)], lane: 0, group)
            index.insert([hash(1_000_000 + use)], lane: 0, group)
        }
        return group.lateReuse
    }

    @Test("Blocks that are used again when they were about to leave, or just have left, are late; others are not")
    func lateReuse() {
        #expect(lateReuse(circle: 10, CacheGroup(seed: 1)) == 0, "they never get old")
        // 500 blocks come between two uses: all have just left, and come again beside as many others.
        let late = lateReuse(circle: 250, CacheGroup(seed: 1))
        #expect(late > 0.4 && late < 0.6, "every second block that came: \(late)")
        #expect(lateReuse(circle: 4_000, CacheGroup(seed: 1)) == 0, "no cache could be so large")
    }

    @Test("Late reuses are forgotten within some turnovers of the caches")
    func lateReuseEnds() {
        let group = CacheGroup(seed: 1)
        let before = lateReuse(circle: 250, group)
        let index = PrefixIndex(bytesMax: 1 << 20)
        for block in 0..<400 { index.insert([hash(2_000_000 + block)], lane: 0, group) }
        let turnover = group.lateReuse
        #expect(turnover > before / 4 && turnover < before / 2)
        for block in 0..<4_000 { index.insert([hash(3_000_000 + block)], lane: 0, group) }
        #expect(group.lateReuse < 0.01)
    }

    @Test("Late reuses outlive a change of the caches, and stay a share")
    func lateReuseOfOtherCaches() {
        let group = CacheGroup(seed: 1)
        let before = lateReuse(circle: 250, group)
        let successor = CacheGroup(seed: 2, following: group)
        successor.freshBlocks = 400
        #expect(abs(successor.lateReuse - before) < 0.01)
        successor.freshBlocks = 50
        #expect(successor.lateReuse <= 1)
    }

    @Test("Several threads at once neither lose late reuses nor make them more than there were")
    func lateReuseOfThreads() async {
        let index = PrefixIndex(bytesMax: 8 << 20)
        let group = group
        group.freshBlocks = 400
        await withTaskGroup(of: Double.self) { tasks in
            for task in 0..<4 {
                tasks.addTask {
                    var greatest = 0.0
                    for use in 0..<8_000 {
                        index.insert([hash(use % 250)], lane: task, group)
                        index.insert([hash(1_000_000 * (task + 1) + use)], lane: task, group)
                        greatest = max(greatest, group.lateReuse)
                    }
                    return greatest
                }
            }
            for await greatest in tasks { #expect(greatest > 0.05 && greatest <= 1, "\(greatest)") }
        }
    }

    @Test("On random texts it says what a naive model says, multi-byte characters and all")
    func naiveModel() {
        var random = SplitMix64(seed: 11)
        let index = PrefixIndex(bytesMax: 8 << 20)
        let alphabet = ["a", "é", "漢", "🚂", " "]
        func piece(_ number: Int) -> String {
            var piece = SplitMix64(seed: UInt64(number))
            return (0..<300).map { _ in alphabet[Int(piece.next() % 5)] }.joined()
        }
        // Conversations: each text is an earlier one and more, so that prefixes are shared.
        var texts: [String] = [piece(0)]
        var sent: [[(hashes: [UInt64], Int)]] = Array(repeating: [], count: 8)
        for step in 1...400 {
            let base = texts[Int(random.next() % UInt64(texts.count))]
            let text = base.utf8.count > 20_000 ? piece(step) : base + piece(step)
            texts.append(text)
            let hashes = hashes(text)
            let found = depths(index, hashes)
            for lane in 0..<8 {
                let naive = sent[lane].map { zip($0.hashes, hashes).prefix { $0 == $1 }.count }.max() ?? 0
                #expect(found[lane] == naive)
            }
            let lane = Int(random.next() % 8)
            index.insert(hashes, lane: lane, group)
            sent[lane].append((hashes, step))
        }
    }
}
