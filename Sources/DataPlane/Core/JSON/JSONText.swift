/// The fast way through the inside of JSON strings, where nearly all bytes of a request are.
enum JSONText {
    /// The index of the first byte from `start` on that is not surely inside the string.
    ///
    /// That is the closing quotation mark, a byte that is not valid, or one of the last seven bytes: those are read one
    /// by one, so that each rule is enforced in one place only. What stands at `start` must not be in the middle of an
    /// escape or of a multi-byte sequence, and neither is what stands at the result.
    @inline(__always)
    static func end(_ bytes: borrowing Span<UInt8>, from start: Int) -> Int {
        let lastBlock = bytes.count &- ByteBlock.count
        var index = bytes.plainTextEnd(from: start)
        while index <= lastBlock {
            let special = index
            index = specialEnd(bytes, from: special, lastBlock)
            if index == special { return index }
            index = bytes.plainTextEnd(from: index)
        }
        return tailEnd(bytes, from: index)
    }

    /// Where the escape or the run of multi-byte sequences ends that begins at `start`; `start` when neither does.
    @inline(__always)
    private static func specialEnd(_ bytes: borrowing Span<UInt8>, from start: Int, _ last: Int) -> Int {
        var word = bytes.word(at: start)
        if word.bits & 0x80 == 0 { return start &+ word.escapeLength }
        var index = start
        repeat {
            let length = word.sequenceLength
            if length == 0 { break }
            index &+= length
            if index > last { break }
            word = bytes.word(at: index)
        } while word.bits & 0x80 != 0
        return index
    }

    /// As ``end(_:from:)``, for the last bytes.
    private static func tailEnd(_ bytes: borrowing Span<UInt8>, from start: Int) -> Int {
        let last = bytes.count &- ByteWord.count
        var index = start
        while index <= last {
            index &+= bytes.word(at: index).plainTextPrefix
            guard index <= last else { break }
            let special = index
            index = specialEnd(bytes, from: special, last)
            if index == special { break }
        }
        return index
    }
}
