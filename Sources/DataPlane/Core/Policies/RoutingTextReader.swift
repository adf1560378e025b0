/// Takes the text out of the JSON value that a request is routed by (specification section 3.3): a string as it stands, of
/// messages the values of `content` and `text`, of other arrays all strings, joined by spaces. Escapes stay as they are: they
/// are the same for the same text of the same client.
enum RoutingTextReader {
    /// - Parameter range: the value with its quotation marks or brackets, which is valid JSON as far as it reaches.
    static func append(
        _ bytes: borrowing Span<UInt8>,
        _ range: Range<Int>,
        isMessages: Bool,
        to text: inout [UInt8]
    ) {
        var index = range.lowerBound
        var takesNext = !isMessages
        while index < range.upperBound {
            guard bytes[index] == ASCII.doubleQuote else {
                // The end of a value: what follows in an object is a key.
                if isMessages, bytes[index] == ASCII.comma || bytes[index] == ASCII.leftBrace { takesNext = false }
                if !isMessages, isPartOfNumber(bytes[index]) { text.append(bytes[index]) }
                if !isMessages, bytes[index] == ASCII.comma, text.last.map(isPartOfNumber) == true { text.append(0x20) }
                index += 1
                continue
            }
            let start = index + 1
            let end = endOfString(bytes, from: start, range.upperBound)
            if isMessages, isKey(bytes, after: end, range.upperBound) {
                takesNext = bytes.equals(start..<end, "content") || bytes.equals(start..<end, "text")
            } else if takesNext {
                if !text.isEmpty { text.append(0x20) }
                for position in start..<end { text.append(bytes[position]) }
            }
            index = end + 1
        }
    }

    private static func isPartOfNumber(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }

    private static func endOfString(_ bytes: borrowing Span<UInt8>, from start: Int, _ end: Int) -> Int {
        var index = start
        while index < end, bytes[index] != ASCII.doubleQuote { index += bytes[index] == ASCII.backslash ? 2 : 1 }
        return min(index, end)
    }

    /// Whether the string that ended is followed by a colon.
    private static func isKey(_ bytes: borrowing Span<UInt8>, after end: Int, _ limit: Int) -> Bool {
        var index = end + 1
        while index < limit, ASCII.isJSONSpace(bytes[index]) { index += 1 }
        return index < limit && bytes[index] == ASCII.colon
    }
}
