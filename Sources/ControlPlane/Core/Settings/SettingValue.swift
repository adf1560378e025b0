/// The value of one setting: a number or a word.
public enum SettingValue: Hashable, Sendable {
    case number(Int)
    case word(String)

    /// The same value in documents.
    public var json: JSONValue {
        switch self {
        case .number(let number): .integer(number)
        case .word(let word): .string(word)
        }
    }
}
