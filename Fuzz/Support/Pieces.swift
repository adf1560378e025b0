/// Cuts bytes into pieces, always in the same way for the same seed: 0 cuts behind every byte, others at random.
struct Pieces {
    private let sizeMax: UInt64
    private var state: UInt64

    init(seed: UInt8) {
        sizeMax = UInt64(seed) + 1
        state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
    }

    /// The end of the piece that begins at `start`.
    mutating func end(after start: Int, of count: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return min(count, start + 1 + Int((state >> 33) % sizeMax))
    }

    /// All pieces of `count` bytes.
    static func of(_ count: Int, seed: UInt8) -> [Range<Int>] {
        var pieces = Pieces(seed: seed)
        var ranges: [Range<Int>] = []
        var start = 0
        while start < count {
            let end = pieces.end(after: start, of: count)
            ranges.append(start..<end)
            start = end
        }
        return ranges
    }
}
