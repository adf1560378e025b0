/// `uri-host [ ":" port ]` (RFC 9110 section 7.2, RFC 3986 section 3.2.2), without user information.
enum HostGrammar {
    static func check(_ range: Range<Int>, in bytes: borrowing Span<UInt8>) throws(HTTPFault) {
        let fault = HTTPFault(400, "The Host is not a valid host and port.")
        var index = range.lowerBound
        if index < range.upperBound && bytes[index] == 0x5B {
            guard let end = bytes.firstIndex(of: 0x5D, in: range) else { throw fault }
            let address = index + 1..<end
            guard IPv6Grammar.matches(address, in: bytes) || isFutureAddress(address, bytes) else { throw fault }
            index = end + 1
        } else {
            while index < range.upperBound && ByteSet.hostName.contains(bytes[index]) {
                if bytes[index] == ASCII.percent { try checkPercentEncoding(at: index, range, bytes, fault) }
                index += 1
            }
            guard index > range.lowerBound else { throw fault }
        }
        guard index < range.upperBound else { return }
        guard bytes[index] == ASCII.colon else { throw fault }
        var port = 0
        for digit in index + 1..<range.upperBound {
            guard ASCII.isDigit(bytes[digit]) else { throw fault }
            port = port * 10 + Int(bytes[digit] - ASCII.zero)
            guard port <= UInt16.max else { throw fault }
        }
    }

    private static func checkPercentEncoding(
        at index: Int,
        _ range: Range<Int>,
        _ bytes: borrowing Span<UInt8>,
        _ fault: HTTPFault
    ) throws(HTTPFault) {
        guard index + 2 < range.upperBound, ASCII.hexadecimalValue(bytes[index + 1]) != nil,
            ASCII.hexadecimalValue(bytes[index + 2]) != nil
        else { throw fault }
    }

    /// `IPvFuture` of RFC 3986 section 3.2.2: `v`, hexadecimal digits, a dot, and what only its version knows.
    private static func isFutureAddress(_ range: Range<Int>, _ bytes: borrowing Span<UInt8>) -> Bool {
        guard !range.isEmpty, bytes[range.lowerBound] | 0x20 == 0x76,
            let dot = bytes.firstIndex(of: ASCII.dot, in: range), dot > range.lowerBound + 1,
            dot + 1 < range.upperBound
        else { return false }
        for index in range.lowerBound + 1..<dot where ASCII.hexadecimalValue(bytes[index]) == nil { return false }
        for index in dot + 1..<range.upperBound where !ByteSet.futureAddress.contains(bytes[index]) { return false }
        return true
    }
}
