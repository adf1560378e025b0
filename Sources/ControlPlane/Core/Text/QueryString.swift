/// The parameters of a request target, as forms encode them: `+` is a space, `%41` is `A`.
public struct QueryString: Sendable {
    private var pairs: [(name: String, value: String)] = []

    /// Reads what stands after `?`; pieces that are not UTF-8 after decoding are kept with replacement characters.
    public init(_ text: Substring) {
        for piece in text.split(separator: "&") {
            let parts = piece.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = PercentCoding.decoded(parts[0], plusIsSpace: true)
            let value = parts.count > 1 ? PercentCoding.decoded(parts[1], plusIsSpace: true) : ""
            pairs.append((name, value))
        }
    }

    /// The first value of the parameter; nil when it is missing.
    public subscript(name: String) -> String? {
        pairs.first { $0.name == name }?.value
    }

    /// How often the parameter stands there.
    public func count(of name: String) -> Int {
        pairs.count { $0.name == name }
    }
}
