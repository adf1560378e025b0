import FoundationEssentials

/// Reads the load that a worker reports on `/get_load`.
public enum LoadAnswer {
    /// Tokens in work: the sum of `num_tokens` over the ranks of the array form, or of one object, else its `load`.
    /// -1 when the answer has none of them.
    public static func load(_ body: [UInt8]) -> Int {
        guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(body)) else { return -1 }
        switch value {
        case .array(let ranks):
            let tokens = ranks.compactMap { rank in number("num_tokens", of: rank) }
            return tokens.isEmpty
                ? -1 : tokens.reduce(0) { sum, next in sum.addingReportingOverflow(next).partialValue }
        case .object: return number("num_tokens", of: value) ?? number("load", of: value) ?? -1
        default: return -1
        }
    }

    private static func number(_ name: String, of value: JSONValue) -> Int? {
        guard case .object(let fields) = value else { return nil }
        switch fields[name] {
        case .integer(let number): return number
        case .number(let number): return Int(exactly: number.rounded())
        default: return nil
        }
    }
}
