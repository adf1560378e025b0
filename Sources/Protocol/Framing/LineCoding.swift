import FoundationEssentials

/// Turns messages and documents into lines and back, always the same bytes for the same value.
public enum LineCoding {
    /// The JSON of `value` and a line feed. Keys are sorted, so equal values have equal bytes.
    public static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var line = Array(try encoder.encode(value))
        line.append(0x0A)
        return line
    }

    /// Reads a line, with or without its line feed. Unknown fields are ignored.
    public static func decode<Value: Decodable>(_ type: Value.Type, from line: [UInt8]) throws -> Value {
        try JSONDecoder().decode(type, from: Data(line))
    }
}
