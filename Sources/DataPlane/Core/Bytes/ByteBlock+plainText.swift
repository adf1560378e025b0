extension ByteBlock {
    /// How many bytes stand before the first one that is not plain text in a JSON string, which is a quotation mark, a
    /// backslash, a control character or a byte of 0x80 or more; sixteen when there is none.
    ///
    /// As signed numbers the bytes of 0x80 and more are negative: one comparison finds them and the control characters.
    var plainTextPrefix: Int {
        @inline(__always) get {
            let quotes = ByteBlock.marks(bytes .== SIMD16(repeating: ASCII.doubleQuote))
            let backslashes = ByteBlock.marks(bytes .== SIMD16(repeating: ASCII.backslash))
            let others = ByteBlock.marks(signedBytes .< SIMD16<Int8>(repeating: 0x20))
            return ByteBlock.firstMarked(quotes | backslashes | others)
        }
    }
}
