/// JSON texts made at random, with all that the grammar allows.
enum GeneratedJSON {
    static func value(depth: Int, using random: inout some RandomNumberGenerator) -> [UInt8] {
        let space = Array(["", " ", "\n", "\t\r"].randomElement(using: &random)?.utf8 ?? "".utf8)
        return space + bare(depth: depth, using: &random) + space
    }

    private static func bare(depth: Int, using random: inout some RandomNumberGenerator) -> [UInt8] {
        switch Int.random(in: 0..<(depth > 0 ? 6 : 3), using: &random) {
        case 0: return string(using: &random)
        case 1: return pick(["0", "-0", "12", "-3.25", "1e5", "2.5E-10", "7e+01", "1234567890123"], using: &random)
        case 2: return pick(["true", "false", "null", "{}", "[]"], using: &random)
        case 3: return joined("[", "]", using: &random) { value(depth: depth - 1, using: &$0) }
        default:
            return joined("{", "}", using: &random) {
                string(using: &$0) + Array(":".utf8) + value(depth: depth - 1, using: &$0)
            }
        }
    }

    private static func joined<Random: RandomNumberGenerator>(
        _ opening: String,
        _ closing: String,
        using random: inout Random,
        _ element: (inout Random) -> [UInt8]
    ) -> [UInt8] {
        let elements = (0..<Int.random(in: 0...4, using: &random)).map { _ in element(&random) }
        return Array(opening.utf8) + Array(elements.joined(separator: Array(",".utf8))) + Array(closing.utf8)
    }

    private static func string(using random: inout some RandomNumberGenerator) -> [UInt8] {
        var result: [UInt8] = [0x22]
        for _ in 0..<Int.random(in: 0...12, using: &random) {
            result += pick(
                [
                    "a", "plain text", "0123456789abcdef", "\\n", "\\\"", "\\\\", "\\/", "\\u00e9", "\\ud800", "é",
                    "你好", "😀",
                ],
                using: &random
            )
        }
        return result + [0x22]
    }

    private static func pick(_ choices: [String], using random: inout some RandomNumberGenerator) -> [UInt8] {
        Array((choices.randomElement(using: &random) ?? "").utf8)
    }
}
