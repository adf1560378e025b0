public import SignalboxProtocol

/// New values of some settings, each within its rule; nil takes a setting back to its default.
public struct SettingsChange: Hashable, Sendable {
    public private(set) var values: [RoutingSettings.CodingKeys: SettingValue?] = [:]

    /// - Throws: ``SettingError`` for the first value, by the name of its setting, that is not allowed.
    public init(_ values: [RoutingSettings.CodingKeys: SettingValue?]) throws(SettingError) {
        for (key, value) in values.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            if let value, !key.rule.accepts(value) { throw .notAllowed(key, value.json) }
            self.values.updateValue(value, forKey: key)
        }
    }

    /// Reads the object of `PATCH /settings`.
    ///
    /// - Throws: ``SettingError`` for the first field, by name, that is no setting or has a value that is not allowed.
    public init(body: [String: JSONValue]) throws(SettingError) {
        var values: [RoutingSettings.CodingKeys: SettingValue?] = [:]
        for (name, value) in body.sorted(by: { $0.key < $1.key }) {
            guard let key = RoutingSettings.CodingKeys(rawValue: name) else { throw .unknown(name) }
            switch value {
            case .null: values.updateValue(nil, forKey: key)
            case .integer(let number): values.updateValue(.number(number), forKey: key)
            case .string(let word): values.updateValue(.word(word), forKey: key)
            default: throw .notAllowed(key, value)
            }
        }
        try self.init(values)
    }
}
