/// Reads a chunked body (RFC 9112 section 7.1) in pieces of any size, strictly: CR LF only, no white space around a
/// size without extensions, no control characters in extensions, valid trailer lines. Trailers and extensions are dropped.
public struct ChunkedDecoder: Sendable {
    private enum State: Equatable {
        case sizeStart
        case size
        case sizeSpace
        case extensionStart
        case extensionName
        case extensionNameEnd
        case extensionValueStart
        case extensionValue
        case extensionValueEnd
        case quotedExtension
        case quotedExtensionEscape
        case sizeLineFeed
        case data
        case dataCarriageReturn
        case dataLineFeed
        case trailerStart
        case trailerName
        case trailerValue
        case trailerLineFeed
        case endLineFeed
        case end
    }

    /// What the next bytes are.
    public enum Step: Equatable, Sendable {
        /// Content of the body.
        case data(Range<Int>)
        case needMore
        /// The body is complete; bytes from the position on belong to the next message.
        case end
    }

    private var state = State.sizeStart
    private var remaining = 0
    private var sizeDigits = 0
    private var extensionBytes = 0
    private var trailerBytes = 0

    public init() {}

    /// Content bytes that the present chunk's size announces and that have not come yet.
    var announcedBytes: Int { remaining }

    /// Goes on reading `bytes` at `position`, which is moved behind what was read.
    public mutating func next(
        _ bytes: borrowing Span<UInt8>,
        at position: inout Int,
        limits: HTTPLimits
    ) throws(HTTPFault) -> Step {
        while position < bytes.count {
            switch state {
            case .data:
                let count = min(remaining, bytes.count - position)
                let range = position..<position + count
                position += count
                remaining -= count
                if remaining == 0 { state = .dataCarriageReturn }
                return .data(range)
            case .end: return .end
            case .dataCarriageReturn where takeWholeLineEnd(bytes, &position): continue
            case .sizeStart where takeWholeSizeLine(bytes, &position): continue
            default:
                try take(bytes[position], limits)
                position += 1
            }
        }
        return state == .end ? .end : .needMore
    }

    /// Takes the line end behind a chunk's content when it has arrived whole. False: nothing was taken.
    private mutating func takeWholeLineEnd(_ bytes: borrowing Span<UInt8>, _ position: inout Int) -> Bool {
        guard bytes.hasLineEnd(at: position) else { return false }
        position += 2
        beginChunk()
        return true
    }

    /// Takes a chunk's size line when it has arrived whole, has no extension and is not the last one, as nearly all
    /// are. False: nothing was taken, and it is read byte by byte, which also finds what is wrong with it.
    private mutating func takeWholeSizeLine(_ bytes: borrowing Span<UInt8>, _ position: inout Int) -> Bool {
        let digitsMax = 8
        var index = position
        var size = 0
        while index < bytes.count, index - position < digitsMax, let digit = ASCII.hexadecimalValue(bytes[index]) {
            size = size << 4 | digit
            index += 1
        }
        guard size > 0, bytes.hasLineEnd(at: index) else { return false }
        position = index + 2
        remaining = size
        state = .data
        return true
    }

    private mutating func beginChunk() {
        sizeDigits = 0
        state = .sizeStart
    }

    private mutating func take(_ byte: UInt8, _ limits: HTTPLimits) throws(HTTPFault) {
        switch state {
        case .sizeStart, .size: try takeSize(byte, limits)
        case .sizeSpace: try takeSizeSpace(byte, limits)
        case .extensionStart, .extensionName, .extensionNameEnd, .extensionValueStart, .extensionValue,
            .extensionValueEnd, .quotedExtension, .quotedExtensionEscape:
            try takeExtension(byte, limits)
        case .sizeLineFeed:
            try expect(byte, ASCII.lineFeed)
            state = remaining == 0 ? .trailerStart : .data
        case .dataCarriageReturn:
            try expect(byte, ASCII.carriageReturn)
            state = .dataLineFeed
        case .dataLineFeed:
            try expect(byte, ASCII.lineFeed)
            beginChunk()
        case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed: try takeTrailer(byte, limits)
        case .endLineFeed:
            try expect(byte, ASCII.lineFeed)
            state = .end
        case .data, .end: break
        }
    }

    private mutating func takeSize(_ byte: UInt8, _ limits: HTTPLimits) throws(HTTPFault) {
        if let digit = ASCII.hexadecimalValue(byte) {
            sizeDigits += 1
            guard remaining < 1 << 50, sizeDigits <= 32 else { throw HTTPFault(400, "A chunk is too large.") }
            remaining = remaining << 4 | digit
            state = .size
        } else if state == .size && byte == ASCII.carriageReturn {
            state = .sizeLineFeed
        } else if state == .size && byte == ASCII.semicolon {
            state = .extensionStart
        } else if state == .size && (byte == ASCII.space || byte == ASCII.tab) {
            try countExtensionByte(limits)
            state = .sizeSpace
        } else {
            throw HTTPFault(400, "A chunk's size is not a hexadecimal number.")
        }
    }

    /// White space behind a size: an extension must follow.
    private mutating func takeSizeSpace(_ byte: UInt8, _ limits: HTTPLimits) throws(HTTPFault) {
        if byte == ASCII.semicolon {
            state = .extensionStart
        } else {
            guard byte == ASCII.space || byte == ASCII.tab else {
                throw HTTPFault(400, "White space stands behind a chunk's size.")
            }
            try countExtensionByte(limits)
        }
    }

    private mutating func countExtensionByte(_ limits: HTTPLimits) throws(HTTPFault) {
        extensionBytes += 1
        guard extensionBytes <= limits.chunkExtensionBytesMax else {
            throw HTTPFault(400, "The chunk extensions are too long (--max-chunk-extension-bytes).")
        }
    }

    /// Extensions mean nothing here, but a line's end within a quoted one is where two readers could part.
    ///
    /// `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`, RFC 9112 section 7.1.1. White space is skipped
    /// wherever it may stand, and also at the end.
    private mutating func takeExtension(_ byte: UInt8, _ limits: HTTPLimits) throws(HTTPFault) {
        try countExtensionByte(limits)
        switch state {
        case .quotedExtension, .quotedExtensionEscape: try takeQuoted(byte)
        default: state = try extensionState(behind: byte)
        }
    }

    private mutating func takeQuoted(_ byte: UInt8) throws(HTTPFault) {
        guard ASCII.isFieldValueByte(byte) else { throw HTTPFault(400, "A chunk extension has a control character.") }
        if state == .quotedExtensionEscape {
            state = .quotedExtension
        } else if byte == ASCII.backslash {
            state = .quotedExtensionEscape
        } else if byte == ASCII.doubleQuote {
            state = .extensionValueEnd
        }
    }

    /// What follows when `byte` was outside a quoted value.
    private func extensionState(behind byte: UInt8) throws(HTTPFault) -> State {
        let isSpace = byte == ASCII.space || byte == ASCII.tab
        let mayEnd = state != .extensionStart && state != .extensionValueStart
        switch (state, byte) {
        case (_, ASCII.carriageReturn) where mayEnd: return .sizeLineFeed
        case (_, ASCII.semicolon) where mayEnd: return .extensionStart
        case (.extensionName, ASCII.equals), (.extensionNameEnd, ASCII.equals): return .extensionValueStart
        case (.extensionValueStart, ASCII.doubleQuote): return .quotedExtension
        case (.extensionStart, _), (.extensionValueStart, _), (.extensionNameEnd, _), (.extensionValueEnd, _):
            if isSpace { return state }
            guard ASCII.isTokenByte(byte), !mayEnd else { break }
            return state == .extensionStart ? .extensionName : .extensionValue
        case (.extensionName, _), (.extensionValue, _):
            if isSpace { return state == .extensionName ? .extensionNameEnd : .extensionValueEnd }
            guard ASCII.isTokenByte(byte) else { break }
            return state
        default: break
        }
        throw HTTPFault(400, "A chunk extension is not valid.")
    }

    private mutating func takeTrailer(_ byte: UInt8, _ limits: HTTPLimits) throws(HTTPFault) {
        trailerBytes += 1
        guard trailerBytes <= limits.trailerBytesMax else { throw HTTPFault(431, "The trailer fields are too long.") }
        switch state {
        case .trailerStart where byte == ASCII.carriageReturn: state = .endLineFeed
        case .trailerStart, .trailerName:
            if byte == ASCII.colon && state == .trailerName {
                state = .trailerValue
            } else {
                guard ASCII.isTokenByte(byte) else { throw HTTPFault(400, "A trailer line is not a header field.") }
                state = .trailerName
            }
        case .trailerValue:
            if byte == ASCII.carriageReturn {
                state = .trailerLineFeed
            } else if !ASCII.isFieldValueByte(byte) {
                throw HTTPFault(400, "A trailer field has a control character.")
            }
        default:
            try expect(byte, ASCII.lineFeed)
            state = .trailerStart
        }
    }

    private func expect(_ byte: UInt8, _ expected: UInt8) throws(HTTPFault) {
        guard byte == expected else { throw HTTPFault(400, "A chunk does not end in CR LF.") }
    }
}
