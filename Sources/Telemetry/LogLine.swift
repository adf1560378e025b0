import Logging

/// The text of one log event.
enum LogLine {
    /// Longest value of a metadata entry in characters; longer ones are cut.
    static let valueCharactersMax = 2048

    /// The line with its line feed; metadata is sorted by key, so that equal events have equal lines.
    static func text(
        millisecondsSinceEpoch: Int64,
        level: Logger.Level,
        message: String,
        metadata: Logger.Metadata
    ) -> String {
        var line = "\(Timestamp.text(millisecondsSinceEpoch: millisecondsSinceEpoch)) "
        line += "\(level.rawValue.uppercased()) \(escaped(message))"
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line += " \(escaped(key))=\(quoted(value.description))"
        }
        return line + "\n"
    }

    static func line(
        _ format: LogFormat,
        millisecondsSinceEpoch: Int64,
        level: Logger.Level,
        message: String,
        metadata: Logger.Metadata
    ) -> String {
        switch format {
        case .text:
            text(millisecondsSinceEpoch: millisecondsSinceEpoch, level: level, message: message, metadata: metadata)
        case .json:
            json(millisecondsSinceEpoch: millisecondsSinceEpoch, level: level, message: message, metadata: metadata)
        }
    }

    /// One object with its line feed; a metadata key that is a field of its own gets an underscore.
    static func json(
        millisecondsSinceEpoch: Int64,
        level: Logger.Level,
        message: String,
        metadata: Logger.Metadata
    ) -> String {
        var line = #"{"time":"\#(Timestamp.text(millisecondsSinceEpoch: millisecondsSinceEpoch))","#
        line += #""level":"\#(level.rawValue)","message":\#(jsonString(message))"#
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            let name = ["time", "level", "message"].contains(key) ? "\(key)_" : key
            line += ",\(jsonString(name)):\(jsonString(String(value.description.prefix(valueCharactersMax))))"
        }
        return line + "}\n"
    }

    private static func jsonString(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where isControl(scalar):
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// The value itself when it is one plain word, else in quotation marks.
    private static func quoted(_ value: String) -> String {
        let text = escaped(String(value.prefix(valueCharactersMax)))
        let isPlain = !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3D && $0 != 0x5C }
        guard !isPlain else { return text }
        var result = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { result += "\\" }
            result.unicodeScalars.append(scalar)
        }
        return result + "\""
    }

    /// Replaces control characters by `\u{..}`.
    private static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if isControl(scalar) {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// What no line may hold: control characters, and the ends of lines of other standards.
    static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.value == 0x2028 || scalar.value == 0x2029
    }
}
