extension ASCII {
    static let leftBrace: UInt8 = 0x7B
    static let rightBrace: UInt8 = 0x7D
    static let leftBracket: UInt8 = 0x5B
    static let rightBracket: UInt8 = 0x5D
    static let minus: UInt8 = 0x2D
    static let underscore: UInt8 = 0x5F
    static let plus: UInt8 = 0x2B
    static let lowerE: UInt8 = 0x65
    static let lowerT: UInt8 = 0x74
    static let lowerU: UInt8 = 0x75
    static let upperE: UInt8 = 0x45

    /// White space between the tokens of a JSON text (RFC 8259 section 2).
    @inline(__always)
    static func isJSONSpace(_ byte: UInt8) -> Bool {
        byte <= space && (byte == space || byte == lineFeed || byte == carriageReturn || byte == tab)
    }

    /// What a backslash and this byte stand for in a JSON string (RFC 8259 section 7); nil for `u` and what is no escape.
    @inline(__always)
    static func meaning(ofEscape byte: UInt8) -> UInt8? {
        switch byte {
        case doubleQuote, backslash, slash: byte
        case 0x62: 0x08
        case 0x66: 0x0C
        case 0x6E: lineFeed
        case 0x72: carriageReturn
        case 0x74: tab
        default: nil
        }
    }

    /// Whether a backslash and this byte are an escape (RFC 8259 section 7), `\u` left aside.
    @inline(__always)
    static func isSimpleEscape(_ byte: UInt8) -> Bool {
        // A bit for each byte: quotation mark and slash, and from 0x40 on backslash, b, f, n, r and t.
        let early: UInt64 = 1 << 0x22 | 1 << 0x2F
        let late: UInt64 = 1 << 0x1C | 1 << 0x22 | 1 << 0x26 | 1 << 0x2E | 1 << 0x32 | 1 << 0x34
        return byte < 0x80 && (byte < 0x40 ? early : late) >> UInt64(byte & 0x3F) & 1 == 1
    }
}
