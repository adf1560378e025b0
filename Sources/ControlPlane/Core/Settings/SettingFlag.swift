public import SignalboxProtocol

/// The command-line flag of one setting: what help, parsing and handing on have to know of it.
public struct SettingFlag: Hashable, Sendable {
    /// How a flag's text becomes the value of its setting.
    public enum Unit: String, Hashable, Sendable {
        case bytes
        case number
        /// Text in seconds, kept in milliseconds.
        case seconds
        case milliseconds
        /// Text as a decimal number, kept in thousandths.
        case ratio
        case word
    }

    public let key: RoutingSettings.CodingKeys
    /// Without the dashes; the first one is the one that errors and documents use.
    public let names: [String]
    public let unit: Unit
    private let meaning: String

    /// The flag of a setting; every setting has one.
    public init(_ key: RoutingSettings.CodingKeys) {
        self.key = key
        (names, unit, meaning) = SettingFlag.row(key)
    }

    /// As a person writes it: `--max-payload-size`.
    public var name: String { "--\(names[0])" }

    /// What `--help` says: the meaning and the default.
    public var help: String {
        "\(meaning) (default: as stored, at first \(SettingFlag.defaultText(key, unit)))."
    }

    /// Reads the flag's text.
    ///
    /// - Throws: ``SettingFlagError`` when it is not a value that the setting may have.
    public func value(_ text: String) throws(SettingFlagError) -> SettingValue {
        let value: SettingValue? =
            switch unit {
            case .bytes, .number, .milliseconds: Int(text).map(SettingValue.number)
            case .seconds, .ratio: DecimalSeconds.milliseconds(text).map(SettingValue.number)
            case .word: .word(text)
            }
        guard let value, key.rule.accepts(value) else {
            throw SettingFlagError(description: "\(name) must be \(allowed), not '\(text.prefix(64))'.")
        }
        return value
    }

    /// The values that the flag takes, in its unit.
    private var allowed: String {
        guard case .number(let bounds) = key.rule else { return key.rule.text }
        switch unit {
        case .bytes:
            return "a whole number of bytes from \(bounds.lowerBound) to \(bounds.upperBound)"
        case .seconds:
            let lower = DecimalSeconds.text(milliseconds: bounds.lowerBound)
            let upper = DecimalSeconds.text(milliseconds: bounds.upperBound)
            return "a number of seconds from \(lower) to \(upper) with at most three decimals"
        case .milliseconds:
            return "a whole number of milliseconds from \(bounds.lowerBound) to \(bounds.upperBound)"
        case .ratio:
            let lower = DecimalSeconds.text(milliseconds: bounds.lowerBound)
            let upper = DecimalSeconds.text(milliseconds: bounds.upperBound)
            return "a number from \(lower) to \(upper) with at most three decimals"
        case .number, .word:
            return key.rule.text
        }
    }

    private static func defaultText(_ key: RoutingSettings.CodingKeys, _ unit: Unit) -> String {
        let settings = RoutingSettings()
        if let path = RoutingSettings.number(key) {
            let number = settings[keyPath: path]
            return unit == .seconds || unit == .ratio ? DecimalSeconds.text(milliseconds: number) : "\(number)"
        }
        return switch key {
        case .halfClose: settings.halfClose.rawValue
        case .forwardedFields: settings.forwardedFields.rawValue
        case .breakerCounts: settings.breaker.counts.rawValue
        case .traceContext: settings.traceContext.rawValue
        case .requestIDFields: settings.requestIDFields
        default: settings.via
        }
    }
}

/// A flag whose value its setting cannot have, as one sentence that names the flag and its bounds.
public struct SettingFlagError: Error, Hashable, Sendable, CustomStringConvertible {
    public var description: String
}
