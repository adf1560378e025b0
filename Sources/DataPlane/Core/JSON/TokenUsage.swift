/// The tokens of a request, as the end of its answer tells them.
///
/// OpenAI's `usage`, SGLang's `meta_info` and Anthropic's `usage` name them differently; all are known by their keys,
/// wherever these stand. Within a string a quotation mark is escaped, so no text can be taken for a key.
public struct TokenUsage: Hashable, Sendable {
    /// The end of an answer that is looked at, in bytes.
    static let tailBytes = 1024
    /// The beginning of a stream of the Anthropic API that is looked at, in bytes.
    static let beginningBytes = 2048

    public var promptTokens: Int?
    public var completionTokens: Int?
    /// Tokens of the prompt that were in the worker's cache.
    public var cachedTokens: Int?

    public init() {}

    /// Reads the last of each number in `bytes`.
    public mutating func read(_ bytes: borrowing Span<UInt8>) {
        var index = 0
        // Of all letters of `_tokens":` the k is the rarest in other text.
        while let k = bytes.firstIndex(of: UInt8(ascii: "k"), in: index..<bytes.count) {
            index = k + 1
            guard k >= 4, k + 5 < bytes.count, bytes.equals(k - 3..<k + 5, "_tokens\"") else { continue }
            guard let value = TokenUsage.number(bytes, behind: k + 5) else { continue }
            let end = k - 3
            var start = end
            while start > 0, bytes[start - 1] != UInt8(ascii: "\""), end - start <= 24 { start -= 1 }
            guard start > 0, bytes[start - 1] == UInt8(ascii: "\"") else { continue }
            take(value, named: start..<end, of: bytes)
        }
    }

    private mutating func take(_ value: Int, named name: Range<Int>, of bytes: borrowing Span<UInt8>) {
        if bytes.equals(name, "prompt") || bytes.equals(name, "input") {
            promptTokens = value
        } else if bytes.equals(name, "completion") || bytes.equals(name, "output") {
            completionTokens = value
        } else if bytes.equals(name, "cached") || bytes.equals(name, "cache_read_input") {
            cachedTokens = value
        }
    }

    /// The whole number behind a colon; nil when there is none, or it is absurd.
    private static func number(_ bytes: borrowing Span<UInt8>, behind end: Int) -> Int? {
        var index = end
        var hasColon = false
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: ":"), !hasColon {
                hasColon = true
            } else if bytes[index] != ASCII.space && bytes[index] != ASCII.tab {
                break
            }
            index += 1
        }
        guard hasColon else { return nil }
        var value = 0
        var digits = 0
        while index < bytes.count, ASCII.isDigit(bytes[index]) {
            value = value * 10 + Int(bytes[index] - ASCII.zero)
            digits += 1
            index += 1
            guard digits <= 12 else { return nil }
        }
        // A number that the bytes end in may go on.
        guard digits > 0, index < bytes.count else { return nil }
        return value
    }
}
