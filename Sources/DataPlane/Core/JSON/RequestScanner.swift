/// What a proxy needs to know of a JSON request body, found in one pass without building anything.
public struct RequestScan: Sendable, Equatable {
    /// The top-level `model`, between its quotation marks and still escaped; nil when it is absent or no string.
    public var model: Range<Int>?
    /// The top-level `stream` is `true`.
    public var stream = false

    public init() {}

    /// Reads a whole body: one JSON value (RFC 8259) in valid UTF-8.
    ///
    /// Lone surrogate escapes are grammatical and pass. Nesting deeper than ``JSONScanner/depthMax`` and a second
    /// top-level `model` are refused, because router and engine must not disagree on what was asked.
    public static func scan(_ bytes: borrowing Span<UInt8>) throws(HTTPFault) -> RequestScan {
        var scanner = JSONScanner()
        return try scanner.scan(bytes)
    }

    /// What can be told from the beginning of a body whose end is not known.
    public static func scan(prefix bytes: borrowing Span<UInt8>) -> RequestScan {
        var scanner = JSONScanner()
        do throws(HTTPFault) {
            return try scanner.scan(bytes)
        } catch {
            return scanner.result
        }
    }
}

/// The pass over the bytes: a pushdown automaton whose stack is a bit per level.
public struct JSONScanner {
    /// Deepest nesting that is accepted (architecture section 5).
    public static let depthMax = 128

    private var position = 0
    private var depth = 0
    /// Bit n: level n is an object, else an array.
    private var objects = SIMD2<UInt64>(0, 0)
    fileprivate private(set) var result = RequestScan()
    private var sawModel = false

    fileprivate init() {}

    fileprivate mutating func scan(_ bytes: borrowing Span<UInt8>) throws(HTTPFault) -> RequestScan {
        skipSpace(bytes)
        try value(bytes, key: nil)
        while depth > 0 {
            try afterValue(bytes)
        }
        skipSpace(bytes)
        guard position == bytes.count else { throw JSONScanner.fault("The body has bytes behind its JSON value.") }
        return result
    }

    /// Between two values of a container, or at its end.
    private mutating func afterValue(_ bytes: borrowing Span<UInt8>) throws(HTTPFault) {
        skipSpace(bytes)
        let byte = try take(bytes)
        if isObject {
            if byte == 0x7D {
                depth -= 1
            } else if byte == ASCII.comma {
                try member(bytes)
            } else {
                throw JSONScanner.fault("The body is not JSON: a comma or '}' is missing.")
            }
        } else if byte == 0x5D {
            depth -= 1
        } else if byte == ASCII.comma {
            skipSpace(bytes)
            try value(bytes, key: nil)
        } else {
            throw JSONScanner.fault("The body is not JSON: a comma or ']' is missing.")
        }
    }

    /// A key, its colon and its value.
    private mutating func member(_ bytes: borrowing Span<UInt8>) throws(HTTPFault) {
        skipSpace(bytes)
        guard try take(bytes) == ASCII.doubleQuote else {
            throw JSONScanner.fault("The body is not JSON: a key must be a string.")
        }
        let key = try string(bytes)
        skipSpace(bytes)
        guard try take(bytes) == ASCII.colon else {
            throw JSONScanner.fault("The body is not JSON: a colon is missing behind a key.")
        }
        skipSpace(bytes)
        try value(bytes, key: depth == 1 ? key : nil)
    }

    /// One value; a container that is not empty is entered and left to ``afterValue(_:)``.
    private mutating func value(_ bytes: borrowing Span<UInt8>, key: Range<Int>?) throws(HTTPFault) {
        let start = position
        switch try take(bytes) {
        case ASCII.doubleQuote:
            let text = try string(bytes)
            if let key, JSONString.isEqual(bytes, key, "model") { try foundModel(text) }
            return
        case 0x7B:
            try enter(isObject: true)
            skipSpace(bytes)
            if position < bytes.count && bytes[position] == 0x7D {
                position += 1
                depth -= 1
            } else {
                try member(bytes)
            }
        case 0x5B:
            try enter(isObject: false)
            skipSpace(bytes)
            if position < bytes.count && bytes[position] == 0x5D {
                position += 1
                depth -= 1
            } else {
                try value(bytes, key: nil)
            }
        case 0x74:
            try literal("rue", bytes)
            if let key, JSONString.isEqual(bytes, key, "stream") { result.stream = true }
        case 0x66: try literal("alse", bytes)
        case 0x6E: try literal("ull", bytes)
        default:
            position = start
            try number(bytes)
        }
        if let key, JSONString.isEqual(bytes, key, "model") { try foundModel(nil) }
    }

    private mutating func foundModel(_ text: Range<Int>?) throws(HTTPFault) {
        guard !sawModel else { throw JSONScanner.fault("The body has two 'model' keys.") }
        sawModel = true
        result.model = text
    }

    private var isObject: Bool {
        let level = depth - 1
        return objects[level >> 6] >> UInt64(level & 63) & 1 == 1
    }

    private mutating func enter(isObject: Bool) throws(HTTPFault) {
        guard depth < JSONScanner.depthMax else { throw JSONScanner.fault("The body's JSON is nested too deeply.") }
        let bit: UInt64 = 1 << UInt64(depth & 63)
        if isObject { objects[depth >> 6] |= bit } else { objects[depth >> 6] &= ~bit }
        depth += 1
    }

    private mutating func take(_ bytes: borrowing Span<UInt8>) throws(HTTPFault) -> UInt8 {
        guard position < bytes.count else { throw JSONScanner.fault("The body is not JSON: it ends too early.") }
        defer { position += 1 }
        return bytes[position]
    }

    private mutating func skipSpace(_ bytes: borrowing Span<UInt8>) {
        while position < bytes.count {
            switch bytes[position] {
            case ASCII.space, ASCII.lineFeed, ASCII.carriageReturn, ASCII.tab: position += 1
            default: return
            }
        }
    }

    private mutating func literal(_ rest: StaticString, _ bytes: borrowing Span<UInt8>) throws(HTTPFault) {
        let end = position + rest.utf8CodeUnitCount
        guard end <= bytes.count, bytes.equals(position..<end, rest) else {
            throw JSONScanner.fault("The body is not JSON: a value is not valid.")
        }
        position = end
    }

    private mutating func number(_ bytes: borrowing Span<UInt8>) throws(HTTPFault) {
        if position < bytes.count && bytes[position] == 0x2D { position += 1 }
        let first = position
        try digits(bytes)
        if bytes[first] == ASCII.zero && position > first + 1 {
            throw JSONScanner.fault("The body is not JSON: a number begins with a zero.")
        }
        if position < bytes.count && bytes[position] == ASCII.dot {
            position += 1
            try digits(bytes)
        }
        if position < bytes.count && bytes[position] | 0x20 == 0x65 {
            position += 1
            if position < bytes.count && (bytes[position] == 0x2B || bytes[position] == 0x2D) { position += 1 }
            try digits(bytes)
        }
    }

    private mutating func digits(_ bytes: borrowing Span<UInt8>) throws(HTTPFault) {
        let start = position
        while position < bytes.count && ASCII.isDigit(bytes[position]) { position += 1 }
        guard position > start else { throw JSONScanner.fault("The body is not JSON: a value is not valid.") }
    }

    /// A string behind its opening quotation mark; returns what stands between the marks.
    private mutating func string(_ bytes: borrowing Span<UInt8>) throws(HTTPFault) -> Range<Int> {
        let start = position
        while position < bytes.count {
            let byte = bytes[position]
            if byte == ASCII.doubleQuote {
                position += 1
                return start..<position - 1
            } else if byte == ASCII.backslash {
                try escape(bytes)
            } else if byte >= 0x80 {
                try UTF8Sequence.skip(bytes, &position)
            } else if byte < 0x20 {
                throw JSONScanner.fault("The body is not JSON: a string has a control character.")
            } else {
                position += 1
            }
        }
        throw JSONScanner.fault("The body is not JSON: a string does not end.")
    }

    private mutating func escape(_ bytes: borrowing Span<UInt8>) throws(HTTPFault) {
        position += 1
        switch try take(bytes) {
        case ASCII.doubleQuote, ASCII.backslash, ASCII.slash, 0x62, 0x66, 0x6E, 0x72, 0x74: return
        case 0x75:
            for _ in 0..<4 where ASCII.hexadecimalValue(try take(bytes)) == nil {
                throw JSONScanner.fault("The body is not JSON: a \\u escape is not valid.")
            }
        default: throw JSONScanner.fault("The body is not JSON: an escape is not valid.")
        }
    }

    static func fault(_ message: StaticString) -> HTTPFault { HTTPFault(400, message) }
}

/// Reads a body in pieces of any size.
public struct RequestScanner: Sendable {
    private var bytes: [UInt8] = []

    public init() {}

    /// Takes the next bytes of the body.
    public mutating func take(_ more: borrowing Span<UInt8>) throws(HTTPFault) {
        for index in more.indices { bytes.append(more[index]) }
    }

    /// The body is complete; throws when the JSON value is not.
    public mutating func finish() throws(HTTPFault) -> RequestScan { try RequestScan.scan(bytes.span) }

    /// What has been found so far.
    public var found: RequestScan { RequestScan.scan(prefix: bytes.span) }
}

extension RequestScan {
    /// A top-level model was there.
    public var sawModel: Bool { model != nil }
}
