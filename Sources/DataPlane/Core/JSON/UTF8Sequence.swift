/// The bytes of one scalar above U+007F in UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
enum UTF8Sequence {
    /// The range of the byte that must follow now, and how many follow it.
    struct Rest: Sendable, Equatable {
        var lower: UInt8 = 0x80
        var upper: UInt8 = 0xBF
        /// Bytes still to come, at least 1.
        var count: UInt8
    }

    /// What must follow a first byte of 0x80 or more; nil when no sequence begins with it.
    static func rest(after first: UInt8) -> Rest? {
        switch first {
        case 0xC2...0xDF: Rest(count: 1)
        case 0xE0: Rest(lower: 0xA0, count: 2)
        case 0xED: Rest(upper: 0x9F, count: 2)
        case 0xE1...0xEF: Rest(count: 2)
        case 0xF0: Rest(lower: 0x90, count: 3)
        case 0xF4: Rest(upper: 0x8F, count: 3)
        case 0xF1...0xF3: Rest(count: 3)
        default: nil
        }
    }
}
