extension ByteWord {
    /// How many bytes stand before the first one that is not plain text in a JSON string, which is a quotation mark, a
    /// backslash, a control character or a byte of 0x80 or more; eight when there is none.
    ///
    /// A subtraction sets the top bit of a byte that is smaller than what is subtracted, and borrows from the byte above
    /// it. So the first find is exact, and those behind it may be wrong; only the first one is used.
    var plainTextPrefix: Int {
        @inline(__always) get {
            let ones: UInt64 = 0x0101_0101_0101_0101
            let quotes = (bits ^ ones &* UInt64(ASCII.doubleQuote)) &- ones
            let backslashes = (bits ^ ones &* UInt64(ASCII.backslash)) &- ones
            let controls = bits &- ones &* UInt64(ASCII.space)
            return ByteWord.firstMarked((quotes | backslashes | controls | bits) & (ones &* 0x80))
        }
    }

    /// The length of the escape at the beginning of the word (RFC 8259 section 7); 0 when none that is valid stands there.
    var escapeLength: Int {
        @inline(__always) get {
            guard UInt8(truncatingIfNeeded: bits) == ASCII.backslash else { return 0 }
            let kind = UInt8(truncatingIfNeeded: bits >> 8)
            if ASCII.isSimpleEscape(kind) { return 2 }
            return kind == ASCII.lowerU && ByteWord.areHexadecimal(UInt32(truncatingIfNeeded: bits >> 16)) ? 6 : 0
        }
    }

    /// The length of the two sequences of three bytes at the beginning of the word, as East Asian texts have them one after the
    /// other, else of the one multi-byte sequence there; 0 when none that is valid stands there.
    var pairOrSequenceLength: Int {
        @inline(__always) get {
            guard bits & 0x0000_C0C0_F0C0_C0F0 == 0x0000_8080_E080_80E0 else { return sequenceLength }
            let first = bits & 0x200F
            let second = bits >> 24 & 0x200F
            let areValid = first != 0 && first != 0x200D && second != 0 && second != 0x200D
            return areValid ? 6 : sequenceLength
        }
    }

    /// The length of the multi-byte sequence at the beginning of the word (RFC 3629); 0 when none that is valid stands
    /// there.
    ///
    /// All bytes of a sequence are judged together: first the marks that each of them has, then those bits of the first
    /// two bytes that tell an overlong form, a surrogate or a scalar above U+10FFFF.
    var sequenceLength: Int {
        @inline(__always) get {
            let bytes = UInt32(truncatingIfNeeded: bits)
            if bytes & 0x00C0_C0F0 == 0x0080_80E0 {
                let leading = bytes & 0x200F
                return leading != 0 && leading != 0x200D ? 3 : 0
            }
            if bytes & 0xC0E0 == 0x80C0 {
                return bytes & 0x1E != 0 ? 2 : 0
            }
            if bytes & 0xC0C0_C0F8 == 0x8080_80F0 {
                let plane = bytes << 2 & 0x1C | bytes >> 12 & 0x03
                return plane >= 1 && plane <= 16 ? 4 : 0
            }
            return 0
        }
    }

    /// Whether four bytes are hexadecimal digits: each is compared with both ends of `0-9` and of `a-f`, with a top bit
    /// that takes up the borrow.
    @inline(__always)
    private static func areHexadecimal(_ bytes: UInt32) -> Bool {
        let tops: UInt32 = 0x8080_8080
        let letters = bytes | 0x2020_2020
        let areDecimal = ((bytes | tops) &- 0x3030_3030) & ((tops | 0x3939_3939) &- bytes)
        let areLetters = ((letters | tops) &- 0x6161_6161) & ((tops | 0x6666_6666) &- letters)
        return bytes & tops == 0 && (areDecimal | areLetters) & tops == tops
    }
}
