/// The bytes that HTTP and JSON give a meaning to, by name.
enum ASCII {
    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let space: UInt8 = 0x20
    static let doubleQuote: UInt8 = 0x22
    static let numberSign: UInt8 = 0x23
    static let percent: UInt8 = 0x25
    static let asterisk: UInt8 = 0x2A
    static let comma: UInt8 = 0x2C
    static let dot: UInt8 = 0x2E
    static let slash: UInt8 = 0x2F
    static let zero: UInt8 = 0x30
    static let nine: UInt8 = 0x39
    static let colon: UInt8 = 0x3A
    static let semicolon: UInt8 = 0x3B
    static let question: UInt8 = 0x3F
    static let backslash: UInt8 = 0x5C
    static let delete: UInt8 = 0x7F

    static func isDigit(_ byte: UInt8) -> Bool { byte &- zero < 10 }

    /// The value of a hexadecimal digit, or nil.
    static func hexadecimalValue(_ byte: UInt8) -> Int? {
        if isDigit(byte) { return Int(byte - zero) }
        let lower = byte | 0x20
        return lower >= 0x61 && lower <= 0x66 ? Int(lower - 0x57) : nil
    }

    /// Lower case for letters, everything else unchanged.
    static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }

    static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

    /// `tchar` of RFC 9110 section 5.6.2: what names of methods and fields are made of.
    static func isTokenByte(_ byte: UInt8) -> Bool {
        byte < 128 && (byte < 64 ? tokenLow : tokenHigh) & (1 << UInt64(byte & 63)) != 0
    }

    /// What may stand in a field value, RFC 9110 section 5.5: visible characters, space, tab and obs-text.
    static func isFieldValueByte(_ byte: UInt8) -> Bool {
        byte >= space && byte != delete || byte == tab
    }

    private static let tokenLow: UInt64 = mask(of: "!#$%&'*+-.0123456789")
    private static let tokenHigh: UInt64 = mask(of: "ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~")

    private static func mask(of characters: String) -> UInt64 {
        characters.utf8.reduce(0) { $0 | 1 << UInt64($1 & 63) }
    }
}

extension Span where Element == UInt8 {
    /// Whether the bytes of `range` are `text`, letters compared without regard to case. `text` must be lower case.
    func equalsIgnoringCase(_ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { expected in
            for offset in 0..<expected.count where ASCII.lowercased(self[range.lowerBound + offset]) != expected[offset]
            {
                return false
            }
            return true
        }
    }

    /// Whether the bytes of `range` are `text`.
    func equals(_ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { expected in
            for offset in 0..<expected.count where self[range.lowerBound + offset] != expected[offset] {
                return false
            }
            return true
        }
    }

    /// Whether the bytes of `range` begin with `text`.
    func hasPrefix(_ range: Range<Int>, _ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard range.count >= length else { return false }
        return equals(range.lowerBound..<range.lowerBound + length, text)
    }

    /// `range` without spaces and tabs at its ends (optional white space, RFC 9110 section 5.6.3).
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var lower = range.lowerBound
        var upper = range.upperBound
        while lower < upper && (self[lower] == ASCII.space || self[lower] == ASCII.tab) { lower += 1 }
        while upper > lower && (self[upper - 1] == ASCII.space || self[upper - 1] == ASCII.tab) { upper -= 1 }
        return lower..<upper
    }

    /// The first index of `byte` in `range`.
    func firstIndex(of byte: UInt8, in range: Range<Int>) -> Int? {
        for index in range where self[index] == byte { return index }
        return nil
    }
}
