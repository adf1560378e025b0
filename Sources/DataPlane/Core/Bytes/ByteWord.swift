/// Eight consecutive bytes that are judged at once, the first one in the lowest bits.
///
/// Every question is answered by marks: a word whose bytes are 0x80 where the answer is yes and 0 elsewhere. The sums
/// below never carry from one byte into the next, because they are taken of seven bits each; so the marks are exact.
struct ByteWord: Equatable {
    static let count = 8

    var bits: UInt64

    /// The same byte eight times.
    @inline(__always)
    private static func all(_ byte: UInt8) -> UInt64 { 0x0101_0101_0101_0101 &* UInt64(byte) }

    private static var highBits: UInt64 { all(0x80) }

    private var lowBits: UInt64 { bits & ~ByteWord.highBits }

    /// Marks where seven bits reach at least `byte`, which is at most 0x80.
    @inline(__always)
    private static func reaching(_ byte: UInt8, _ lowBits: UInt64) -> UInt64 { lowBits &+ all(0x80 &- byte) }

    /// The bytes that are `byte`, which must be ASCII.
    @inline(__always)
    func marks(of byte: UInt8) -> UInt64 {
        let difference = bits ^ ByteWord.all(byte)
        let isDifferent = (difference & ~ByteWord.highBits) &+ ByteWord.all(0x7F) | difference
        return ~isDifferent & ByteWord.highBits
    }

    /// Control characters: the bytes below a space, tab included, and DEL.
    var controlMarks: UInt64 {
        @inline(__always) get {
            (~ByteWord.reaching(0x20, lowBits) | ByteWord.reaching(0x7F, lowBits)) & ~bits & ByteWord.highBits
        }
    }

    /// Letters, digits and hyphens, which is what nearly all names of fields are made of.
    var nameMarks: UInt64 {
        @inline(__always) get {
            let folded = lowBits | ByteWord.all(0x20)
            let isLetter = ByteWord.reaching(0x61, folded) & ~ByteWord.reaching(0x7B, folded)
            let isDigit = ByteWord.reaching(0x30, lowBits) & ~ByteWord.reaching(0x3A, lowBits)
            return (isLetter | isDigit) & ~bits & ByteWord.highBits | marks(of: 0x2D)
        }
    }

    /// Letters in lower case, every other byte unchanged.
    var lowercased: ByteWord {
        @inline(__always) get {
            let isUpper = ByteWord.reaching(0x41, lowBits) & ~ByteWord.reaching(0x5B, lowBits) & ~bits
            return ByteWord(bits: bits | (isUpper & ByteWord.highBits) >> 2)
        }
    }

    /// The marks of the bytes that `marks` does not mark.
    @inline(__always)
    static func others(_ marks: UInt64) -> UInt64 { ~marks & highBits }

    /// Which of the eight bytes is marked first; 8 when none is.
    @inline(__always)
    static func firstMarked(_ marks: UInt64) -> Int { marks.trailingZeroBitCount >> 3 }
}
