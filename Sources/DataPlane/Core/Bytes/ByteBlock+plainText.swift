extension ByteBlock {
    /// How many bytes stand before the first one that is not plain text in a JSON string, which is a quotation mark, a
    /// backslash, a control character or a byte of 0x80 or more; sixteen when there is none.
    ///
    /// As signed numbers the bytes of 0x80 and more are negative: one comparison finds them and the control characters.
    var plainTextPrefix: Int {
        @inline(__always) get { ByteBlock.firstMarked(specialMarks) }
    }

    /// A bit for each of the sixteen bytes that is not plain text, the first one in the lowest bit.
    ///
    /// Of a word of marks each byte keeps the bit of its own number, and the product with a one in each byte gathers them all in the
    /// topmost byte.
    var specialBits: UInt64 {
        @inline(__always) get {
            let own: UInt64 = 0x8040_2010_0804_0201
            let ones: UInt64 = 0x0101_0101_0101_0101
            let marks = specialMarks
            let lower = ((UInt64(littleEndian: marks[0]) & own) &* ones) &>> 56
            let upper = ((UInt64(littleEndian: marks[1]) & own) &* ones) &>> 56
            return lower | upper &<< 8
        }
    }

    /// Where a byte is not plain text.
    private var specialMarks: SIMD2<UInt64> {
        @inline(__always) get {
            let quotes = ByteBlock.marks(bytes .== SIMD16(repeating: ASCII.doubleQuote))
            let backslashes = ByteBlock.marks(bytes .== SIMD16(repeating: ASCII.backslash))
            let others = ByteBlock.marks(signedBytes .< SIMD16<Int8>(repeating: 0x20))
            return quotes | backslashes | others
        }
    }
}
