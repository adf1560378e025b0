/// The grammar of RFC 8259 by recursive descent, byte by byte, after the standard library has judged the UTF-8: slow, and
/// without a line in common with the scanner that it checks.
struct PlainGrammar {
    private struct Invalid: Error {}

    private var rest: ArraySlice<UInt8>

    static func accepts(_ bytes: [UInt8]) -> Bool {
        guard String(validating: bytes, as: UTF8.self) != nil else { return false }
        var grammar = PlainGrammar(rest: bytes[...])
        do {
            try grammar.value()
            return grammar.rest.isEmpty
        } catch {
            return false
        }
    }

    private mutating func takes(_ text: String) -> Bool {
        guard rest.starts(with: text.utf8) else { return false }
        rest = rest.dropFirst(text.utf8.count)
        return true
    }

    private mutating func skipSpace() {
        rest = rest.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
    }

    private mutating func value() throws {
        skipSpace()
        if takes("{") {
            try members(until: "}") { try $0.member() }
        } else if takes("[") {
            try members(until: "]") { try $0.value() }
        } else if takes("\"") {
            try string()
        } else if !takes("true") && !takes("false") && !takes("null") {
            try number()
        }
        skipSpace()
    }

    private mutating func members(until end: String, _ member: (inout PlainGrammar) throws -> Void) throws {
        skipSpace()
        if takes(end) { return }
        repeat { try member(&self) } while takes(",")
        guard takes(end) else { throw Invalid() }
    }

    private mutating func member() throws {
        skipSpace()
        guard takes("\"") else { throw Invalid() }
        try string()
        skipSpace()
        guard takes(":") else { throw Invalid() }
        try value()
    }

    private mutating func string() throws {
        while !takes("\"") {
            if takes("\\u") {
                guard rest.count >= 4, rest.prefix(4).allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else {
                    throw Invalid()
                }
                rest = rest.dropFirst(4)
            } else if takes("\\") {
                guard let escape = rest.popFirst(), "\"\\/bfnrt".utf8.contains(escape) else { throw Invalid() }
            } else {
                guard let byte = rest.popFirst(), byte >= 0x20 else { throw Invalid() }
            }
        }
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
        let after = rest.drop { (0x30...0x39).contains($0) }
        guard after.count < rest.count else { throw Invalid() }
        rest = after
    }
}
