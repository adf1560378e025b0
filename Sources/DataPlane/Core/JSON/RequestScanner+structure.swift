extension RequestScanner {
    /// Reads one byte, which stands at `position` in the body.
    @inline(__always)
    mutating func step(_ byte: UInt8, at position: Int) throws(HTTPFault) {
        switch state {
        case .text: try stepText(byte, at: position)
        case .afterValue: try stepAfterValue(byte, at: position)
        case .value:
            if !ASCII.isJSONSpace(byte) { try beginValue(byte, at: position) }
        case .firstElement:
            if ASCII.isJSONSpace(byte) { return }
            if byte == ASCII.rightBracket { try leave(at: position) } else { try beginValue(byte, at: position) }
        case .firstKey:
            if ASCII.isJSONSpace(byte) { return }
            if byte == ASCII.rightBrace { try leave(at: position) } else { try beginKey(byte) }
        case .key:
            if !ASCII.isJSONSpace(byte) { try beginKey(byte) }
        case .colon:
            if ASCII.isJSONSpace(byte) { return }
            guard byte == ASCII.colon else {
                throw RequestScanner.fault("The body is not JSON: a colon is missing behind a key.")
            }
            state = .value
        case .number(let number):
            if let next = try number.next(byte) {
                state = .number(next)
            } else {
                try endValue(at: position)
                try stepAfterValue(byte, at: position)
            }
        case .literal(let rest):
            guard byte == UInt8(truncatingIfNeeded: rest) else { throw RequestScanner.invalidValue }
            if rest >> 8 == 0 { try endValue(at: position + 1) } else { state = .literal(rest: rest >> 8) }
        case .escape: try stepEscape(byte)
        case .escapeDigits(let left, let unit): try stepEscapeDigit(byte, left: left, unit: unit)
        case .sequence(let rest): try stepSequence(byte, rest)
        }
    }

    /// Between two values of a container, or at its end.
    @inline(__always)
    private mutating func stepAfterValue(_ byte: UInt8, at position: Int) throws(HTTPFault) {
        if ASCII.isJSONSpace(byte) { return }
        guard depth > 0 else { throw RequestScanner.fault("The body has bytes behind its JSON value.") }
        let isObject = objects & 1 == 1
        if byte == ASCII.comma {
            state = isObject ? .key : .value
        } else if byte == (isObject ? ASCII.rightBrace : ASCII.rightBracket) {
            try leave(at: position)
        } else if isObject {
            throw RequestScanner.fault("The body is not JSON: a comma or '}' is missing.")
        } else {
            throw RequestScanner.fault("The body is not JSON: a comma or ']' is missing.")
        }
    }

    @inline(__always)
    private mutating func beginKey(_ byte: UInt8) throws(HTTPFault) {
        guard byte == ASCII.doubleQuote else {
            throw RequestScanner.fault("The body is not JSON: a key must be a string.")
        }
        role = depth == 1 ? .topLevelKey : .key
        if depth == 1 { keyReader = RequestKeyReader() }
        state = .text
    }

    @inline(__always)
    private mutating func beginValue(_ byte: UInt8, at position: Int) throws(HTTPFault) {
        if depth == 1 && key != nil {
            opening = byte
            valueStart = position
        }
        switch byte {
        case ASCII.doubleQuote:
            role = .value
            state = .text
        case ASCII.leftBrace:
            try enter(isObject: true)
            state = .firstKey
        case ASCII.leftBracket:
            try enter(isObject: false)
            state = .firstElement
        case 0x74: state = .literal(rest: 0x65_75_72)
        case 0x66: state = .literal(rest: 0x65_73_6C_61)
        case 0x6E: state = .literal(rest: 0x6C_6C_75)
        default:
            guard let number = JSONNumber.beginning(with: byte) else { throw RequestScanner.invalidValue }
            state = .number(number)
        }
    }

    private mutating func enter(isObject: Bool) throws(HTTPFault) {
        guard depth < RequestScanner.depthMax else {
            throw RequestScanner.fault("The body's JSON is nested too deeply.")
        }
        depth += 1
        objects = objects << 1 | (isObject ? 1 : 0)
    }

    /// The innermost container ends with the byte at `position`.
    @inline(__always)
    private mutating func leave(at position: Int) throws(HTTPFault) {
        depth -= 1
        objects >>= 1
        try endValue(at: position + 1)
    }

    /// A value ends before `end`.
    @inline(__always)
    mutating func endValue(at end: Int) throws(HTTPFault) {
        state = .afterValue
        if depth == 1, let key { try found(key, valueStart..<end) }
    }

    /// The value of a top-level key is complete.
    private mutating func found(_ found: RequestKey, _ value: Range<Int>) throws(HTTPFault) {
        key = nil
        switch found {
        case .model:
            guard !result.sawModel else {
                namesTwoModels = true
                throw RequestScanner.fault("The body has two 'model' keys.")
            }
            result.sawModel = true
            if opening == ASCII.doubleQuote { result.model = value.lowerBound + 1..<value.upperBound - 1 }
        case .adapter:
            if opening == ASCII.doubleQuote || opening == ASCII.leftBracket { result.adapter = value }
        case .stream:
            if opening == ASCII.lowerT { result.stream = true }
        default:
            guard let source = found.routingText, opening == ASCII.doubleQuote || opening == ASCII.leftBracket else {
                return
            }
            result.text = RoutingText.preferred(result.text, RoutingText(source: source, range: value))
        }
    }
}
