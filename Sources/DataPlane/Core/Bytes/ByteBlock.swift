/// Sixteen consecutive bytes that are judged at once, by vector instructions that every processor has.
struct ByteBlock {
    static let count = 16
    /// Bytes of four blocks, which is how many bits a word has.
    static let bytesOfFour = 64

    var bytes: SIMD16<UInt8>

    /// Which of the sixteen bytes is marked first; 16 when none is.
    @inline(__always)
    static func firstMarked(_ marks: SIMD2<UInt64>) -> Int {
        let lower = UInt64(littleEndian: marks[0])
        if lower != 0 { return lower.trailingZeroBitCount >> 3 }
        return 8 &+ UInt64(littleEndian: marks[1]).trailingZeroBitCount >> 3
    }
}
