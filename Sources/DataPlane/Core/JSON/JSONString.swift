/// What a JSON string means, from what stands between its quotation marks (RFC 8259 section 7).
enum JSONString {
    /// Whether a string that was found valid means `text`, also when it is written with escapes.
    static func isEqual(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>, _ text: StaticString) -> Bool {
        guard bytes.firstIndex(of: ASCII.backslash, in: range) != nil else { return bytes.equals(range, text) }
        let decoded = decode(bytes, range)
        return decoded.span.equals(0..<decoded.count, text)
    }

    /// The UTF-8 of a string that was found valid. A lone surrogate becomes U+FFFD.
    static func decode(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(range.count)
        var index = range.lowerBound
        while index < range.upperBound {
            guard bytes[index] == ASCII.backslash, index + 1 < range.upperBound else {
                result.append(bytes[index])
                index += 1
                continue
            }
            let escape = bytes[index + 1]
            index += 2
            switch escape {
            case 0x62: result.append(0x08)
            case 0x66: result.append(0x0C)
            case 0x6E: result.append(ASCII.lineFeed)
            case 0x72: result.append(ASCII.carriageReturn)
            case 0x74: result.append(ASCII.tab)
            case 0x75: result += Array(String(scalar(bytes, &index, range.upperBound)).utf8)
            default: result.append(escape)
            }
        }
        return result
    }

    /// The scalar whose four hexadecimal digits begin at `index`; takes the second half of a surrogate pair as well.
    private static func scalar(_ bytes: borrowing Span<UInt8>, _ index: inout Int, _ end: Int) -> Unicode.Scalar {
        let replacement: Unicode.Scalar = "\u{FFFD}"
        guard let first = unit(bytes, index, end) else { return replacement }
        index += 4
        guard first & 0xFC00 == 0xD800 else { return Unicode.Scalar(first) ?? replacement }
        guard index + 1 < end, bytes[index] == ASCII.backslash, bytes[index + 1] == 0x75,
            let second = unit(bytes, index + 2, end), second & 0xFC00 == 0xDC00
        else { return replacement }
        index += 6
        return Unicode.Scalar(0x10000 + ((first & 0x3FF) << 10) + (second & 0x3FF)) ?? replacement
    }

    private static func unit(_ bytes: borrowing Span<UInt8>, _ start: Int, _ end: Int) -> UInt32? {
        guard start + 4 <= end else { return nil }
        var value: UInt32 = 0
        for position in start..<start + 4 {
            guard let digit = ASCII.hexadecimalValue(bytes[position]) else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value
    }
}
