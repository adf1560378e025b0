/// `IPv6address` of RFC 3986 section 3.2.2: eight groups of one to four hexadecimal digits, of which one run may be left
/// out as `::`, and the last two may be an IPv4 address. No zone (RFC 6874) belongs into a Host.
enum IPv6Grammar {
    private static let groups = 8

    static func matches(_ range: Range<Int>, in bytes: borrowing Span<UInt8>) -> Bool {
        var index = range.lowerBound
        var count = 0
        var isShortened = false
        while index < range.upperBound {
            if bytes[index] == ASCII.colon {
                // A colon stands here only at the beginning, or as the second one of `::`.
                guard !isShortened else { return false }
                if count == 0 {
                    guard index + 1 < range.upperBound, bytes[index + 1] == ASCII.colon else { return false }
                    index += 1
                }
                isShortened = true
                index += 1
                continue
            }
            var end = index
            while end < range.upperBound, ASCII.hexadecimalValue(bytes[end]) != nil { end += 1 }
            if end < range.upperBound, bytes[end] == ASCII.dot {
                guard isIPv4(index..<range.upperBound, bytes) else { return false }
                count += 2
                return isShortened ? count < groups : count == groups
            }
            guard (1...4).contains(end - index) else { return false }
            count += 1
            if end < range.upperBound {
                // Behind a group comes a colon, and behind that another group or the second colon.
                guard bytes[end] == ASCII.colon, end + 1 < range.upperBound else { return false }
                end += 1
            }
            index = end
        }
        return isShortened ? count < groups : count == groups
    }

    /// Four decimal numbers up to 255 without leading zeros.
    private static func isIPv4(_ range: Range<Int>, _ bytes: borrowing Span<UInt8>) -> Bool {
        var numbers = 0
        var index = range.lowerBound
        while index < range.upperBound {
            let start = index
            var value = 0
            while index < range.upperBound, index - start < 3, ASCII.isDigit(bytes[index]) {
                value = value * 10 + Int(bytes[index] - ASCII.zero)
                index += 1
            }
            guard index > start, value <= 255, bytes[start] != ASCII.zero || index == start + 1 else { return false }
            numbers += 1
            if index == range.upperBound { break }
            guard bytes[index] == ASCII.dot, index + 1 < range.upperBound else { return false }
            index += 1
        }
        return numbers == 4
    }
}
