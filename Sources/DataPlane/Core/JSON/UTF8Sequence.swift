/// Checks the multi-byte sequences of UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
enum UTF8Sequence {
    /// Moves `position` behind the sequence that begins there with a byte of 0x80 or more.
    static func skip(_ bytes: borrowing Span<UInt8>, _ position: inout Int) throws(HTTPFault) {
        let lead = bytes[position]
        let length: Int
        var lower: UInt8 = 0x80
        var upper: UInt8 = 0xBF
        switch lead {
        case 0xC2...0xDF: length = 2
        case 0xE0...0xEF:
            length = 3
            if lead == 0xE0 { lower = 0xA0 }
            if lead == 0xED { upper = 0x9F }
        case 0xF0...0xF4:
            length = 4
            if lead == 0xF0 { lower = 0x90 }
            if lead == 0xF4 { upper = 0x8F }
        default: throw JSONScanner.fault("The body is not valid UTF-8.")
        }
        guard position + length <= bytes.count else { throw JSONScanner.fault("The body is not valid UTF-8.") }
        guard bytes[position + 1] >= lower, bytes[position + 1] <= upper else {
            throw JSONScanner.fault("The body is not valid UTF-8.")
        }
        for offset in 2..<max(2, length) where bytes[position + offset] & 0xC0 != 0x80 {
            throw JSONScanner.fault("The body is not valid UTF-8.")
        }
        position += length
    }
}
