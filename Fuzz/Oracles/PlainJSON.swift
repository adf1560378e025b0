/// One JSON value (RFC 8259) read by recursive descent over scalars, slowly: what a request body means to anyone else.
struct PlainJSON {
    /// What the proxy has to know of a body.
    struct Reading: Equatable {
        /// What the top-level `model` means; nil when it is absent or no string.
        var model: String?
        var stream = false
    }

    private static let depthMax = 128

    private struct Invalid: Error {}

    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var reading = Reading()
    private var hasModel = false

    private init(_ text: String) {
        scalars = Array(text.unicodeScalars)
    }

    /// Nil: the body is not JSON that is served here.
    static func read(_ bytes: [UInt8]) -> Reading? {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        var reader = PlainJSON(text)
        do {
            _ = try reader.value(depth: 0, key: nil)
            reader.skipSpace()
            return reader.position == reader.scalars.count ? reader.reading : nil
        } catch {
            return nil
        }
    }

    private mutating func next() throws -> Unicode.Scalar {
        guard position < scalars.count else { throw Invalid() }
        defer { position += 1 }
        return scalars[position]
    }

    private mutating func takes(_ scalar: Unicode.Scalar) -> Bool {
        guard position < scalars.count, scalars[position] == scalar else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while position < scalars.count, [" ", "\t", "\n", "\r"].contains(scalars[position]) { position += 1 }
    }

    private mutating func value(depth: Int, key: String?) throws {
        skipSpace()
        var text: String?
        let isStream = key == "stream"
        if takes("{") {
            try object(depth: depth + 1)
        } else if takes("[") {
            try array(depth: depth + 1)
        } else if takes("\"") {
            text = try string()
        } else if takes("t") {
            try word("rue")
            if isStream { reading.stream = true }
        } else if takes("f") {
            try word("alse")
        } else if takes("n") {
            try word("ull")
        } else {
            try number()
        }
        guard key == "model" else { return }
        guard !hasModel else { throw Invalid() }
        hasModel = true
        reading.model = text
    }

    private mutating func object(depth: Int) throws {
        guard depth <= PlainJSON.depthMax else { throw Invalid() }
        skipSpace()
        if takes("}") { return }
        repeat {
            skipSpace()
            guard takes("\"") else { throw Invalid() }
            let key = try string()
            skipSpace()
            guard takes(":") else { throw Invalid() }
            try value(depth: depth, key: depth == 1 ? key : nil)
            skipSpace()
        } while takes(",")
        guard takes("}") else { throw Invalid() }
    }

    private mutating func array(depth: Int) throws {
        guard depth <= PlainJSON.depthMax else { throw Invalid() }
        skipSpace()
        if takes("]") { return }
        repeat {
            try value(depth: depth, key: nil)
            skipSpace()
        } while takes(",")
        guard takes("]") else { throw Invalid() }
    }

    private mutating func word(_ rest: String) throws {
        for scalar in rest.unicodeScalars where try next() != scalar { throw Invalid() }
    }

    private mutating func number() throws {
        _ = takes("-")
        if !takes("0") { try digits() }
        if takes(".") { try digits() }
        if takes("e") || takes("E") {
            if !takes("+") { _ = takes("-") }
            try digits()
        }
    }

    private mutating func digits() throws {
        let start = position
        while position < scalars.count, ("0"..."9").contains(scalars[position]) { position += 1 }
        guard position > start else { throw Invalid() }
    }

    /// What a string means, behind its opening quotation mark; halves of surrogate pairs become U+FFFD.
    private mutating func string() throws -> String {
        var units: [UInt16] = []
        while true {
            let scalar = try next()
            switch scalar {
            case "\"": return String(decoding: units, as: UTF16.self)
            case "\\": units.append(try escape())
            case "\u{0}"..<"\u{20}": throw Invalid()
            default: units += Array(String(scalar).utf16)
            }
        }
    }

    private mutating func escape() throws -> UInt16 {
        switch try next() {
        case "\"": return 0x22
        case "\\": return 0x5C
        case "/": return 0x2F
        case "b": return 0x08
        case "f": return 0x0C
        case "n": return 0x0A
        case "r": return 0x0D
        case "t": return 0x09
        case "u":
            var unit: UInt16 = 0
            for _ in 0..<4 {
                guard let digit = UInt16(String(try next()), radix: 16) else { throw Invalid() }
                unit = unit << 4 | digit
            }
            return unit
        default: throw Invalid()
        }
    }
}
