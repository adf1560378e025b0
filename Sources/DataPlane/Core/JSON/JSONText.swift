/// The fast way through the inside of JSON strings, where nearly all bytes of a request are.
enum JSONText {
    /// The index of the first byte from `start` on that is not surely inside the string.
    ///
    /// That is the closing quotation mark, a byte that is not valid, or one of the last seven bytes: those are read one
    /// by one, so that each rule is enforced in one place only. What stands at `start` must not be in the middle of an
    /// escape or of a multi-byte sequence, and neither is what stands at the result.
    @inline(__always)
    static func end(_ bytes: borrowing Span<UInt8>, from start: Int) -> Int {
        let last = bytes.count &- ByteWord.count
        var index = start
        while index <= last {
            let prefix = bytes.word(at: index).plainTextPrefix
            index &+= prefix
            if prefix == ByteWord.count { continue }
            let special = index
            index = runEnd(bytes, from: special, last)
            if index == special { break }
        }
        return index
    }

    /// Where the run of escapes and multi-byte sequences ends that begins at `start`, with nothing between them.
    @inline(__always)
    private static func runEnd(_ bytes: borrowing Span<UInt8>, from start: Int, _ last: Int) -> Int {
        var index = start
        while index <= last {
            let word = bytes.word(at: index)
            let length = word.bits & 0x80 != 0 ? word.sequenceLength : word.escapeLength
            if length == 0 { break }
            index &+= length
        }
        return index
    }
}
