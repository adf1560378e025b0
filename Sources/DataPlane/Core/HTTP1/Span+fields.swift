extension Span where Element == UInt8 {
    /// The type and subtype of a media type, without its parameters and white space (RFC 9110 section 8.3.1).
    func mediaType(_ range: Range<Int>) -> Range<Int> {
        let end = firstIndex(of: ASCII.semicolon, in: range) ?? range.upperBound
        return trimmed(range.lowerBound..<end)
    }

    /// The next field line of fields that were read and checked before.
    ///
    /// - Parameter index: where the line begins; moved behind it.
    /// - Returns: the name, and the value without white space around it; nil behind the last line.
    func nextField(at index: inout Int) -> (name: Range<Int>, value: Range<Int>)? {
        while index < count {
            let start = index
            let lineEnd = firstIndex(of: ASCII.lineFeed, in: start..<count) ?? count
            index = lineEnd + 1
            guard let colon = firstIndex(of: ASCII.colon, in: start..<lineEnd) else { continue }
            return (start..<colon, trimmed((colon + 1)..<Swift.max(colon + 1, lineEnd - 1)))
        }
        return nil
    }
}
