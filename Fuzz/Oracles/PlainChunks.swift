/// Reads a chunked body that lies in one piece (RFC 9112 section 7.1), section by section.
struct PlainChunks {
    static let extensionBytesMax = 4 * 1024
    static let trailerBytesMax = 8 * 1024

    /// Why reading stops: more bytes are needed, or the grammar is broken.
    private enum Stop: Error { case incomplete, invalid }

    private let bytes: [UInt8]
    private var position = 0
    private var content: [UInt8] = []
    private var extensionBytes = 0
    private var trailerBytes = 0

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    static func read(_ bytes: ArraySlice<UInt8>) -> PlainBody {
        var reader = PlainChunks(Array(bytes))
        do {
            while try reader.chunk() {}
            while try reader.trailer() {}
            return .complete(reader.content, count: reader.position)
        } catch Stop.incomplete {
            return .incomplete(reader.content)
        } catch {
            return .invalid(reader.content)
        }
    }

    private mutating func byte() throws -> UInt8 {
        guard position < bytes.count else { throw Stop.incomplete }
        defer { position += 1 }
        return bytes[position]
    }

    private mutating func expect(_ text: String) throws {
        for expected in text.utf8 where try byte() != expected { throw Stop.invalid }
    }

    /// One chunk; false behind the last one.
    private mutating func chunk() throws -> Bool {
        var digits = ""
        var next = try byte()
        while let scalar = Unicode.Scalar(Int(next)), Character(scalar).isHexDigit {
            digits.append(Character(scalar))
            // 32 digits at most, and no size of 2^54 and more: leading zeros count as digits only.
            guard digits.count <= 32, (Int(digits.dropLast(), radix: 16) ?? 0) < 1 << 50 else { throw Stop.invalid }
            next = try byte()
        }
        guard let size = Int(digits, radix: 16) else { throw Stop.invalid }
        if next == 0x20 || next == 0x09 {
            try countExtensionByte()
            next = try byte()
            while next == 0x20 || next == 0x09 {
                try countExtensionByte()
                next = try byte()
            }
            guard next == UInt8(ascii: ";") else { throw Stop.invalid }
        }
        if next == UInt8(ascii: ";") { next = try extensionEnd() }
        guard next == 0x0D else { throw Stop.invalid }
        try expect("\n")
        guard size > 0 else { return false }
        let end = min(bytes.count, position + size)
        content += bytes[position..<end]
        guard end - position == size else {
            position = end
            throw Stop.incomplete
        }
        position = end
        try expect("\r\n")
        return true
    }

    /// Passes over extensions (RFC 9112 section 7.1.1), in which a quoted string must not hold a line's end.
    private mutating func extensionEnd() throws -> UInt8 {
        while true {
            var next = try behindSpace(extensionByte())
            guard PlainHead.isTokenByte(next) else { throw Stop.invalid }
            while PlainHead.isTokenByte(next) { next = try extensionByte() }
            next = try behindSpace(next)
            if next == UInt8(ascii: "=") {
                next = try behindSpace(extensionByte())
                if next == UInt8(ascii: "\"") {
                    next = try extensionByte()
                    while next != UInt8(ascii: "\"") {
                        if next == UInt8(ascii: "\\") { next = try extensionByte() }
                        guard PlainHead.isValueByte(next) else { throw Stop.invalid }
                        next = try extensionByte()
                    }
                    next = try extensionByte()
                } else {
                    guard PlainHead.isTokenByte(next) else { throw Stop.invalid }
                    while PlainHead.isTokenByte(next) { next = try extensionByte() }
                }
                next = try behindSpace(next)
            }
            if next == 0x0D { return next }
            guard next == UInt8(ascii: ";") else { throw Stop.invalid }
        }
    }

    private mutating func extensionByte() throws -> UInt8 {
        let next = try byte()
        try countExtensionByte()
        return next
    }

    private mutating func countExtensionByte() throws {
        extensionBytes += 1
        guard extensionBytes <= PlainChunks.extensionBytesMax else { throw Stop.invalid }
    }

    private mutating func behindSpace(_ first: UInt8) throws -> UInt8 {
        var next = first
        while next == 0x20 || next == 0x09 { next = try extensionByte() }
        return next
    }

    /// One trailer line; false behind the empty one.
    private mutating func trailer() throws -> Bool {
        var name = 0
        while true {
            let next = try trailerByte()
            if name == 0 && next == 0x0D {
                try expect("\n")
                return false
            }
            if name > 0 && next == UInt8(ascii: ":") { break }
            guard PlainHead.isTokenByte(next) else { throw Stop.invalid }
            name += 1
        }
        while true {
            let next = try trailerByte()
            if next == 0x0D { break }
            guard PlainHead.isValueByte(next) else { throw Stop.invalid }
        }
        guard try trailerByte() == 0x0A else { throw Stop.invalid }
        return true
    }

    private mutating func trailerByte() throws -> UInt8 {
        let next = try byte()
        trailerBytes += 1
        guard trailerBytes <= PlainChunks.trailerBytesMax else { throw Stop.invalid }
        return next
    }
}
