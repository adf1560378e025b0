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

    static func made(using generator: inout some RandomNumberGenerator) -> String {
        let digits = String(UInt64.random(in: 0 ... .max, using: &generator), radix: 16)
        return "req-" + String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
