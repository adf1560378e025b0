extension RequestScanner {
    /// A byte inside a string, or the quotation mark behind it.
    @inline(__always)
    mutating func stepText(_ byte: UInt8, at position: Int) throws(HTTPFault) {
        if byte == ASCII.doubleQuote {
            try endString(at: position)
        } else if byte == ASCII.backslash {
            state = .escape
        } else if byte >= 0x80 {
            guard let rest = UTF8Sequence.rest(after: byte) else { throw RequestScanner.invalidUTF8 }
            state = .sequence(rest)
            if role == .topLevelKey { keyReader.append(byte) }
        } else if byte < 0x20 {
            throw RequestScanner.fault("The body is not JSON: a string has a control character.")
        } else if role == .topLevelKey {
            keyReader.append(byte)
            stopReadingOtherKey()
        }
    }

    /// The closing quotation mark stands at `position`.
    @inline(__always)
    private mutating func endString(at position: Int) throws(HTTPFault) {
        switch role {
        case .value: try endValue(at: position + 1)
        case .key: state = .colon
        case .topLevelKey:
            key = keyReader.key
            opening = 0
            state = .colon
        }
    }

    mutating func stepEscape(_ byte: UInt8) throws(HTTPFault) {
        if let meaning = ASCII.meaning(ofEscape: byte) {
            if role == .topLevelKey { keyReader.append(meaning) }
            state = .text
        } else if byte == ASCII.lowerU {
            state = .escapeDigits(left: 4, unit: 0)
        } else {
            throw RequestScanner.fault("The body is not JSON: an escape is not valid.")
        }
    }

    mutating func stepEscapeDigit(_ byte: UInt8, left: UInt8, unit: UInt16) throws(HTTPFault) {
        guard let digit = ASCII.hexadecimalValue(byte) else {
            throw RequestScanner.fault("The body is not JSON: a \\u escape is not valid.")
        }
        let unit = unit << 4 | UInt16(digit)
        if left > 1 {
            state = .escapeDigits(left: left - 1, unit: unit)
        } else {
            if role == .topLevelKey { keyReader.append(unit: unit) }
            state = .text
        }
    }

    mutating func stepSequence(_ byte: UInt8, _ rest: UTF8Sequence.Rest) throws(HTTPFault) {
        guard byte >= rest.lower && byte <= rest.upper else { throw RequestScanner.invalidUTF8 }
        state = rest.count > 1 ? .sequence(UTF8Sequence.Rest(count: rest.count - 1)) : .text
    }

    /// A key that the proxy does not look at is skipped like any other text.
    @inline(__always)
    private mutating func stopReadingOtherKey() {
        if keyReader.isOther { role = .key }
    }
}
