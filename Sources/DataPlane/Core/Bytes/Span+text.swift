extension Span where Element == UInt8 {
    /// Whether the bytes of `range` are `text`, letters compared without regard to case. `text` must be lower case.
    @inline(__always)
    func equalsIgnoringCase(_ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        return text.withSpan { expected in
            let count = expected.count
            guard count >= ByteWord.count else {
                for offset in 0..<count {
                    if ASCII.lowercased(self[range.lowerBound + offset]) != expected[offset] { return false }
                }
                return true
            }
            // The last word overlaps the one before it, which costs less than single bytes.
            let last = count - ByteWord.count
            var offset = 0
            while offset < last {
                if word(at: range.lowerBound + offset).lowercased != expected.word(at: offset) { return false }
                offset += ByteWord.count
            }
            return word(at: range.lowerBound + last).lowercased == expected.word(at: last)
        }
    }

    /// Whether the bytes of `range` are those of `text`, which is in lower case, without regard to case.
    func equalsIgnoringCase(_ range: Range<Int>, lowercase text: [UInt8]) -> Bool {
        guard range.count == text.count else { return false }
        for offset in 0..<text.count where ASCII.lowercased(self[range.lowerBound + offset]) != text[offset] {
            return false
        }
        return true
    }

    /// Whether the bytes of `range` are `text`.
    @inline(__always)
    func equals(_ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        return text.withSpan { expected in
            let count = expected.count
            guard count >= ByteWord.count else {
                for offset in 0..<count where self[range.lowerBound + offset] != expected[offset] { return false }
                return true
            }
            let last = count - ByteWord.count
            var offset = 0
            while offset < last {
                if word(at: range.lowerBound + offset) != expected.word(at: offset) { return false }
                offset += ByteWord.count
            }
            return word(at: range.lowerBound + last) == expected.word(at: last)
        }
    }

    /// Whether the bytes of `range` begin with `text`.
    @inline(__always)
    func hasPrefix(_ range: Range<Int>, _ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard range.count >= length else { return false }
        return equals(range.lowerBound..<range.lowerBound + length, text)
    }
}
