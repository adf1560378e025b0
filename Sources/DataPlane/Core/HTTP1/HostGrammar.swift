/// `uri-host [ ":" port ]` (RFC 9110 section 7.2, RFC 3986 section 3.2.2), without user information.
enum HostGrammar {
    static func check(_ range: Range<Int>, in bytes: borrowing Span<UInt8>) throws(HTTPFault) {
        let fault = HTTPFault(400, "The Host is not a valid host and port.")
        var index = range.lowerBound
        if index < range.upperBound && bytes[index] == 0x5B {
            index += 1
            let start = index
            while index < range.upperBound && isAddressByte(bytes[index]) { index += 1 }
            guard index > start, index < range.upperBound, bytes[index] == 0x5D else { throw fault }
            index += 1
        } else {
            while index < range.upperBound && ByteSet.hostName.contains(bytes[index]) {
                if bytes[index] == ASCII.percent { try checkPercentEncoding(at: index, range, bytes, fault) }
                index += 1
            }
            guard index > range.lowerBound else { throw fault }
        }
        guard index < range.upperBound else { return }
        guard bytes[index] == ASCII.colon, range.upperBound - index <= 6 else { throw fault }
        var port = 0
        for digit in index + 1..<range.upperBound {
            guard ASCII.isDigit(bytes[digit]) else { throw fault }
            port = port * 10 + Int(bytes[digit] - ASCII.zero)
        }
        guard port <= UInt16.max else { throw fault }
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

    /// An IPv6 address, its zone excluded.
    private static func isAddressByte(_ byte: UInt8) -> Bool {
        ASCII.hexadecimalValue(byte) != nil || byte == ASCII.colon || byte == ASCII.dot
    }
}
