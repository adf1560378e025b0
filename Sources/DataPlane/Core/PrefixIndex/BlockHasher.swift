/// Chained hashes of the blocks of a text: two texts have equal hashes up to the block in which they first differ.
///
/// The hash is not a cryptographic one. Its seed differs by model and adapter, which never share blocks.
public struct BlockHasher: Sendable {
    /// To be changed with whatever changes a hash: data planes with another version take no blocks from this one.
    static let version: UInt64 = 3
    /// Bytes of one block, about 128 tokens.
    public static let blockBytes = 512
    /// Most blocks of one text; what follows is not told apart (2 MiB).
    public static let blocksMax = 4096

    private static let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// Appends the hashes of all whole blocks and of the rest, the rest only when it is at least half a block.
    ///
    /// - Parameter range: the text within `bytes`.
    public static func hash(
        _ bytes: borrowing Span<UInt8>,
        _ range: Range<Int>,
        seed: UInt64,
        into hashes: inout [UInt64]
    ) {
        var chain = mix(seed ^ multiplier)
        var start = range.lowerBound
        while start < range.upperBound, hashes.count < blocksMax {
            let end = min(start + blockBytes, range.upperBound)
            guard end - start >= blockBytes / 2 else { return }
            chain = block(bytes, start..<end, chain)
            hashes.append(chain)
            start = end
        }
    }

    /// The seed of a request's chain: texts for different models or adapters have different caches at the worker. Which pool
    /// the request has does not matter, so that a model keeps its blocks when it gets a pool of its own.
    static func seed(_ bytes: borrowing Span<UInt8>, model: Range<Int>?, adapter: Range<Int>?) -> UInt64 {
        var seed = version
        if let model { seed = hash(bytes, model, seed: seed) }
        if let adapter { seed = hash(bytes, adapter, seed: ~seed) }
        return seed
    }

    /// The hash of a name, for seeds and rings.
    public static func hash(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>, seed: UInt64 = 0) -> UInt64 {
        mix(block(bytes, range, mix(seed ^ UInt64(range.count))))
    }

    /// Four lanes of sixteen bytes each, so that the processor multiplies in parallel.
    @inline(__always)
    private static func block(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>, _ chain: UInt64) -> UInt64 {
        var (a, b, c, d) = (chain, chain ^ multiplier, chain &+ multiplier, ~chain)
        var index = range.lowerBound
        while index + 64 <= range.upperBound {
            let words = bytes.eightWords(at: index)
            a = fold(a, words.0, words.1)
            b = fold(b, words.2, words.3)
            c = fold(c, words.4, words.5)
            d = fold(d, words.6, words.7)
            index += 64
        }
        while index + 32 <= range.upperBound {
            a = fold(a ^ bytes.word(at: index).bits)
            b = fold(b ^ bytes.word(at: index + 8).bits)
            c = fold(c ^ bytes.word(at: index + 16).bits)
            d = fold(d ^ bytes.word(at: index + 24).bits)
            index += 32
        }
        while index < range.upperBound {
            a = fold(a ^ UInt64(bytes[index]))
            index += 1
        }
        return fold(fold(a ^ b) ^ fold(c ^ d) ^ UInt64(range.count))
    }

    /// The two halves of a product, which depend on every bit.
    @inline(__always)
    private static func fold(_ value: UInt64) -> UInt64 {
        let (high, low) = (value ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
        return high ^ low &+ (value >> 32)
    }

    /// Two words into a lane, by one multiplication. What it multiplies by may be zero: the sum behind keeps the lane then.
    @inline(__always)
    private static func fold(_ lane: UInt64, _ first: UInt64, _ second: UInt64) -> UInt64 {
        let (high, low) = (first ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: second ^ lane)
        return high ^ low &+ (lane ^ first)
    }

    static func mix(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
