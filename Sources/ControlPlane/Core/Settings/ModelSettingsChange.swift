public import SignalboxProtocol

/// New time limits of one model, each within its bounds; nil lets the limit of all models apply again.
public struct ModelSettingsChange: Hashable, Sendable {
    public private(set) var values: [ModelTimeouts.CodingKeys: Int?] = [:]

    /// Reads the object of `PATCH /settings/models/{model}`.
    ///
    /// - Throws: ``SettingError`` for the first field, by name, that no model may set or has a value that is not
    ///   allowed.
    public init(body: [String: JSONValue]) throws(SettingError) {
        for (name, value) in body.sorted(by: { $0.key < $1.key }) {
            guard let setting = RoutingSettings.CodingKeys(rawValue: name) else { throw .unknown(name) }
            guard let key = ModelTimeouts.CodingKeys(rawValue: name) else { throw .common(setting) }
            switch value {
            case .null:
                values.updateValue(nil, forKey: key)
            case .integer(let number) where setting.rule.accepts(.number(number)):
                values.updateValue(number, forKey: key)
            default:
                throw .notAllowed(setting, value)
            }
        }
    }
}
