/// What a request is called towards operators: its `X-Request-Id`, or a made one.
enum RequestName {
    /// Longest accepted name in bytes.
    static let bytesMax = 128

    /// Whether the bytes may stand in a field, a path and a JSON string as they are: visible ASCII without `"`, `%`, `/` and
    /// `\`.
    static func isAcceptable(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard (1...bytesMax).contains(range.count) else { return false }
        for index in range {
            switch bytes[index] {
            case UInt8(ascii: "\""), UInt8(ascii: "%"), UInt8(ascii: "/"), UInt8(ascii: "\\"): return false
            case 0x21...0x7E: continue
            default: return false
            }
        }
        return true
    }

    /// The beginning of a made id, by what the path has in it.
    static func prefix(path: Range<Int>, of bytes: borrowing Span<UInt8>) -> StaticString {
        for (part, prefix) in prefixes where contains(part, path, bytes) { return prefix }
        return "req-"
    }

    private static let prefixes: [(part: StaticString, prefix: StaticString)] = [
        ("/chat/completions", "chatcmpl-"), ("/completions", "cmpl-"), ("/generate", "gnt-"), ("/responses", "resp-"),
    ]

    private static func contains(_ part: StaticString, _ path: Range<Int>, _ bytes: borrowing Span<UInt8>) -> Bool {
        var start = path.lowerBound
        while let slash = bytes.firstIndex(of: UInt8(ascii: "/"), in: start..<path.upperBound) {
            if bytes.hasPrefix(slash..<path.upperBound, part) { return true }
            start = slash + 1
        }
        return false
    }

    /// The rest of a made id: 24 letters and digits.
    static func appendRandom(to buffer: inout ByteBuffer, using generator: inout some RandomNumberGenerator) {
        for _ in 0..<3 {
            // Eight digits of base 62 take less than 48 of the 64 bits.
            var bits = generator.next()
            for _ in 0..<8 {
                buffer.append(letterOrDigit(UInt8(bits % 62)))
                bits /= 62
            }
        }
    }

    private static func letterOrDigit(_ value: UInt8) -> UInt8 {
        switch value {
        case 0..<10: UInt8(ascii: "0") + value
        case 10..<36: UInt8(ascii: "A") + value - 10
        default: UInt8(ascii: "a") + value - 36
        }
    }

    static func made(using generator: inout some RandomNumberGenerator) -> String {
        let digits = String(UInt64.random(in: 0 ... .max, using: &generator), radix: 16)
        return "req-" + String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
