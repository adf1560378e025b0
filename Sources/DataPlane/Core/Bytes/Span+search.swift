extension Span where Element == UInt8 {
    /// `range` without spaces and tabs at its ends (optional white space, RFC 9110 section 5.6.3).
    @inline(__always)
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var lower = range.lowerBound
        var upper = range.upperBound
        while lower < upper && (self[lower] == ASCII.space || self[lower] == ASCII.tab) { lower += 1 }
        while upper > lower && (self[upper - 1] == ASCII.space || self[upper - 1] == ASCII.tab) { upper -= 1 }
        return lower..<upper
    }

    /// The first index of `byte`, which must be ASCII, in `range`.
    @inline(__always)
    func firstIndex(of byte: UInt8, in range: Range<Int>) -> Int? {
        var index = range.lowerBound
        while index <= range.upperBound - ByteWord.count {
            let marks = word(at: index).marks(of: byte)
            if marks != 0 { return index + ByteWord.firstMarked(marks) }
            index += ByteWord.count
        }
        while index < range.upperBound {
            if self[index] == byte { return index }
            index += 1
        }
        return nil
    }

    /// Where the token that begins at `start` ends (RFC 9110 section 5.6.2): the first byte that is none of its own, or
    /// the end of the bytes.
    @inline(__always)
    func tokenEnd(from start: Int) -> Int {
        var index = start
        while index <= count - ByteWord.count {
            let others = ByteWord.others(word(at: index).nameMarks)
            guard others != 0 else {
                index += ByteWord.count
                continue
            }
            index += ByteWord.firstMarked(others)
            guard ASCII.isTokenByte(self[index]) else { return index }
            index += 1
        }
        while index < count && ASCII.isTokenByte(self[index]) { index += 1 }
        return index
    }

    /// Where the field value that begins at `start` ends (RFC 9110 section 5.5): the first byte that may not stand in
    /// one, or the end of the bytes.
    @inline(__always)
    func fieldValueEnd(from start: Int) -> Int {
        var index = start
        while index <= count - ByteWord.count {
            let marks = word(at: index).controlMarks
            guard marks != 0 else {
                index += ByteWord.count
                continue
            }
            index += ByteWord.firstMarked(marks)
            guard self[index] == ASCII.tab else { return index }
            index += 1
        }
        while index < count && ASCII.isFieldValueByte(self[index]) { index += 1 }
        return index
    }

    /// Whether CR LF stands at `index`, both in bounds.
    @inline(__always)
    func hasLineEnd(at index: Int) -> Bool {
        index + 1 < count && self[index] == ASCII.carriageReturn && self[index + 1] == ASCII.lineFeed
    }
}
