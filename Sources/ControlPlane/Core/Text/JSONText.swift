public import FoundationEssentials

/// JSON as this project writes it: keys sorted, slashes plain, so that equal values have equal texts.
public enum JSONText {
    /// The bytes of `value`, without a line feed.
    public static func bytes(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value)
    }

    /// The text of `value`, without a line feed.
    public static func text(_ value: some Encodable) throws -> String {
        String(decoding: try bytes(value), as: UTF8.self)
    }

    /// Reads a value from text that this project wrote.
    public static func value<Value: Decodable>(_ type: Value.Type, from text: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }
}
