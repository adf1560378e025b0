/// Checks that bytes are one JSON value by the letter of RFC 8259; the decoder of the standard library is more lenient.
///
/// What workers write goes to clients byte for byte, so a fault of one worker must not spoil an answer made of several.
public struct JSONGrammar {
    /// Whether `text` is exactly one value, with space around it at most. That strings are UTF-8 is checked elsewhere.
    public static func isValue(_ text: some Sequence<UInt8>) -> Bool {
        var grammar = JSONGrammar(Array(text))
        return grammar.value(depth: 0) && grammar.index == grammar.text.count
    }

    private let text: [UInt8]
    private var index = 0

    private init(_ text: [UInt8]) {
        self.text = text
    }

    private var next: UInt8? { index < text.count ? text[index] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        index += 1
        return true
    }

    private mutating func takeAll(_ word: StaticString) -> Bool {
        word.withUTF8Buffer { $0.allSatisfy { take($0) } }
    }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { index += 1 }
    }

    private mutating func value(depth: Int) -> Bool {
        guard depth <= RawJSON.depthMax else { return false }
        skipSpace()
        defer { skipSpace() }
        switch next {
        case UInt8(ascii: "{"): return list(close: UInt8(ascii: "}"), depth: depth, hasNames: true)
        case UInt8(ascii: "["): return list(close: UInt8(ascii: "]"), depth: depth, hasNames: false)
        case UInt8(ascii: "\""): return string()
        case UInt8(ascii: "t"): return takeAll("true")
        case UInt8(ascii: "f"): return takeAll("false")
        case UInt8(ascii: "n"): return takeAll("null")
        default: return number()
        }
    }

    /// The members of an object or the elements of an array, brackets included.
    private mutating func list(close: UInt8, depth: Int, hasNames: Bool) -> Bool {
        index += 1
        skipSpace()
        if take(close) { return true }
        repeat {
            if hasNames {
                skipSpace()
                guard string() else { return false }
                skipSpace()
                guard take(UInt8(ascii: ":")) else { return false }
            }
            guard value(depth: depth + 1) else { return false }
        } while take(UInt8(ascii: ","))
        return take(close)
    }

    private mutating func string() -> Bool {
        guard take(UInt8(ascii: "\"")) else { return false }
        while let byte = next {
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return true
            case UInt8(ascii: "\\"): guard escape() else { return false }
            case ..<0x20: return false
            default: break
            }
        }
        return false
    }

    /// What stands after a backslash.
    private mutating func escape() -> Bool {
        guard let byte = next else { return false }
        index += 1
        guard byte == UInt8(ascii: "u") else { return "\"\\/bfnrt".utf8.contains(byte) }
        let digits = text[index...].prefix(4)
        index += digits.count
        return digits.count == 4
            && digits.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x46).contains($0) || (0x61...0x66).contains($0)
            }
    }

    private mutating func number() -> Bool {
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")), !digits() { return false }
        if take(UInt8(ascii: ".")), !digits() { return false }
        guard take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) else { return true }
        if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
        return digits()
    }

    /// At least one digit.
    private mutating func digits() -> Bool {
        let start = index
        while let byte = next, (0x30...0x39).contains(byte) { index += 1 }
        return index > start
    }
}
