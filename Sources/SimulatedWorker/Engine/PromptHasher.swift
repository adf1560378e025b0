/// Cuts a text into the blocks of the prefix cache while it is read, and counts its tokens.
///
/// A token is 4 bytes of text. The hash of a block covers everything before it, so equal hashes mean equal prefixes
/// (up to a collision of 64-bit hashes, which costs only a wrong figure in a simulation).
struct PromptHasher {
    /// Bytes of text in one token.
    static let tokenBytes = 4

    /// The hashes of all whole blocks so far.
    private(set) var blocks: [UInt64] = []
    /// Bytes read so far.
    private(set) var bytes = 0
    private let blockBytes: Int
    private var partial: [UInt8] = []
    private var chain: UInt64 = 0x9E37_79B9_7F4A_7C15

    init(blockTokens: Int) {
        blockBytes = max(1, blockTokens) * PromptHasher.tokenBytes
    }

    /// Tokens read so far; a rest shorter than a token counts as one.
    var tokens: Int { (bytes + PromptHasher.tokenBytes - 1) / PromptHasher.tokenBytes }

    /// A hash of the whole text, also of its rest behind the last whole block.
    var digest: UInt64 {
        var state = chain ^ UInt64(bytes)
        for byte in partial { state = (state ^ UInt64(byte)) &* 0x9FB2_1C65_1E98_DF25 }
        return state ^ state >> 32
    }

    /// Reads more of the text.
    mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// Reads one token that was given as a number.
    mutating func append(token: Int) {
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: token).littleEndian) { append($0) }
    }

    /// Reads more of the text.
    mutating func append(_ text: UnsafeRawBufferPointer) {
        bytes += text.count
        var rest = text[...]
        if !partial.isEmpty {
            let missing = rest.prefix(blockBytes - partial.count)
            partial.append(contentsOf: missing)
            rest = rest.dropFirst(missing.count)
            guard partial.count == blockBytes else { return }
            chain = partial.withUnsafeBytes { PromptHasher.hash($0, after: chain) }
            blocks.append(chain)
            partial.removeAll(keepingCapacity: true)
        }
        while rest.count >= blockBytes {
            chain = PromptHasher.hash(UnsafeRawBufferPointer(rebasing: rest.prefix(blockBytes)), after: chain)
            blocks.append(chain)
            rest = rest.dropFirst(blockBytes)
        }
        partial.append(contentsOf: rest)
    }

    /// Mixes one block, four bytes at a time, into the hash of all blocks before it.
    private static func hash(_ block: UnsafeRawBufferPointer, after previous: UInt64) -> UInt64 {
        var state = previous ^ 0xD6E8_FEB8_6659_FD93
        for offset in stride(from: 0, to: block.count, by: tokenBytes) {
            let token = UInt64(block.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            state = (state ^ token) &* 0x9FB2_1C65_1E98_DF25
            state ^= state >> 29
        }
        return state
    }
}
