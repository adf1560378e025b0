/// Finds values inside a JSON text and hands them out byte for byte, so that what a worker wrote is never rewritten.
///
/// It follows the structure only (strings, escapes, brackets); whoever uses a piece checks it (``JSONGrammar``).
public enum RawJSON {
    /// Nesting beyond this is refused, as everywhere in this project.
    static let depthMax = 128

    /// The raw elements of the array that is the value of `key` in the object `text`; nil when there is none.
    public static func elements(ofArray key: String, in text: [UInt8]) -> [ArraySlice<UInt8>]? {
        guard let value = value(of: key, in: text[...]) else { return nil }
        return elements(of: value)
    }

    /// The raw value of `key` in the object `text`, the last one when there are several; nil when there is none.
    static func value(of key: String, in text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        var found: ArraySlice<UInt8>?
        var scanner = Scanner(text)
        guard scanner.take(UInt8(ascii: "{")) else { return nil }
        if scanner.take(UInt8(ascii: "}")) { return nil }
        repeat {
            guard let name = scanner.string(), scanner.take(UInt8(ascii: ":")), let value = scanner.value() else {
                return nil
            }
            if name.dropFirst().dropLast().elementsEqual(key.utf8) { found = value }
        } while scanner.take(UInt8(ascii: ","))
        return scanner.take(UInt8(ascii: "}")) && scanner.isAtEnd ? found : nil
    }

    /// The raw elements of the array `text`; nil when it is no array.
    static func elements(of text: ArraySlice<UInt8>) -> [ArraySlice<UInt8>]? {
        var found: [ArraySlice<UInt8>] = []
        var scanner = Scanner(text)
        guard scanner.take(UInt8(ascii: "[")) else { return nil }
        if scanner.take(UInt8(ascii: "]")) { return scanner.isAtEnd ? [] : nil }
        repeat {
            guard let value = scanner.value() else { return nil }
            found.append(value)
        } while scanner.take(UInt8(ascii: ","))
        return scanner.take(UInt8(ascii: "]")) && scanner.isAtEnd ? found : nil
    }
}

extension RawJSON {
    /// Walks over a JSON text from value to value.
    private struct Scanner {
        private var rest: ArraySlice<UInt8>

        init(_ text: ArraySlice<UInt8>) {
            rest = text
            skipSpace()
        }

        var isAtEnd: Bool { rest.isEmpty }

        /// Takes one structural character and the space after it.
        mutating func take(_ character: UInt8) -> Bool {
            guard rest.first == character else { return false }
            rest = rest.dropFirst()
            skipSpace()
            return true
        }

        /// Takes a string with its quotation marks and the space after it.
        mutating func string() -> ArraySlice<UInt8>? {
            guard rest.first == UInt8(ascii: "\""), let end = RawJSON.stringEnd(in: rest, from: rest.startIndex) else {
                return nil
            }
            return cut(to: end)
        }

        /// Takes any value and the space after it.
        mutating func value() -> ArraySlice<UInt8>? {
            var depth = 0
            var index = rest.startIndex
            while index < rest.endIndex {
                switch rest[index] {
                case UInt8(ascii: "\""):
                    guard let end = RawJSON.stringEnd(in: rest, from: index) else { return nil }
                    index = end
                    if depth == 0 { return cut(to: index) }
                case UInt8(ascii: "{"), UInt8(ascii: "["):
                    depth += 1
                    guard depth <= RawJSON.depthMax else { return nil }
                    index += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    if depth == 0 { return index > rest.startIndex ? cut(to: index) : nil }
                    depth -= 1
                    index += 1
                    if depth == 0 { return cut(to: index) }
                case UInt8(ascii: ",") where depth == 0, 0x20 where depth == 0, 0x09 where depth == 0,
                    0x0A where depth == 0, 0x0D where depth == 0:
                    return index > rest.startIndex ? cut(to: index) : nil
                default:
                    index += 1
                }
            }
            return depth == 0 && index > rest.startIndex ? cut(to: index) : nil
        }

        private mutating func cut(to end: Int) -> ArraySlice<UInt8> {
            let piece = rest[rest.startIndex..<end]
            rest = rest[end...]
            skipSpace()
            return piece
        }

        private mutating func skipSpace() {
            rest = rest.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
        }
    }

    /// The index after the closing quotation mark of the string that begins at `start`.
    private static func stringEnd(in text: ArraySlice<UInt8>, from start: Int) -> Int? {
        var index = start + 1
        while index < text.endIndex {
            switch text[index] {
            case UInt8(ascii: "\\"): index += 2
            case UInt8(ascii: "\""): return index + 1
            default: index += 1
            }
        }
        return nil
    }
}
