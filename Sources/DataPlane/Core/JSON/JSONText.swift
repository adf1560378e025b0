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
        guard start <= lastBlock else { return tailEnd(bytes, from: start) }
        // Most strings of a body are short.
        let prefix = bytes.block(at: start).plainTextPrefix
        let index = start &+ prefix
        if prefix < ByteBlock.count, bytes[index] == ASCII.doubleQuote { return index }
        return longEnd(bytes, from: index)
    }

    /// As ``end(_:from:)``, sixty-four bytes at a time: what is special of all of them is found before any of it is looked at, so
    /// that the processor need not guess where the next escape stands.
    private static func longEnd(_ bytes: borrowing Span<UInt8>, from start: Int) -> Int {
        let lastWord = bytes.count &- ByteWord.count
        var begin = start
        while begin <= bytes.count &- ByteBlock.bytesOfFour {
            var specials = bytes.specialBits(at: begin)
            var next = begin &+ ByteBlock.bytesOfFour
            while specials != 0 {
                let offset = specials.trailingZeroBitCount
                let special = begin &+ offset
                if special > lastWord { return special }
                let after = specialEnd(bytes, from: special, lastWord)
                if after == special { return special }
                let passed = after &- begin
                if passed >= ByteBlock.bytesOfFour {
                    next = after
                    break
                }
                specials &= ~0 &<< UInt64(truncatingIfNeeded: passed)
            }
            begin = next
        }
        return shortEnd(bytes, from: begin)
    }

    /// As ``end(_:from:)``, sixteen bytes at a time.
    private static func shortEnd(_ bytes: borrowing Span<UInt8>, from start: Int) -> Int {
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
            let length = word.pairOrSequenceLength
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
