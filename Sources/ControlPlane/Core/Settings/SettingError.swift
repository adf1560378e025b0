internal import SignalboxProtocol

/// A change of settings that cannot be made, as one sentence that names the setting and what it may be.
public struct SettingError: Error, Hashable, Sendable, CustomStringConvertible {
    public var description: String

    static func unknown(_ name: String) -> SettingError {
        SettingError(description: "There is no setting '\(name.prefix(128))'.")
    }

    static func notAllowed(_ key: RoutingSettings.CodingKeys, _ value: JSONValue) -> SettingError {
        let given =
            switch value {
            case .integer(let number): "\(number)"
            case .string(let text): "'\(text.prefix(64))'"
            default: value.kind
            }
        return SettingError(description: "The setting '\(key.rawValue)' must be \(key.rule.text), not \(given).")
    }

    /// A model was to have a value of its own for a setting that all models share.
    static func common(_ key: RoutingSettings.CodingKeys) -> SettingError {
        let reason =
            switch key {
            case .payloadBytesMax, .requestLineBytesMax, .headBytesMax, .fieldsMax, .chunkExtensionBytesMax,
                .headTimeoutMilliseconds, .uploadIdleTimeoutMilliseconds, .keepAliveTimeoutMilliseconds:
                "it applies before the model of a request is known"
            default:
                "it applies to a data plane as a whole"
            }
        return SettingError(
            description: "The setting '\(key.rawValue)' is the same for all models, because \(reason);"
                + " change it with PATCH /settings."
        )
    }
}
