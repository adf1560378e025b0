public import SignalboxProtocol

/// The values that one setting may have.
public enum SettingRule: Hashable, Sendable {
    case number(ClosedRange<Int>)
    case choice([String])
    /// A name that may go into a `Via` field; empty: none.
    case name(bytesMax: Int)
    /// Names of header fields with commas between; empty: none.
    case fieldNames(countMax: Int)

    /// Whether the value is one of them.
    public func accepts(_ value: SettingValue) -> Bool {
        switch (self, value) {
        case (.number(let bounds), .number(let number)): bounds.contains(number)
        case (.choice(let words), .word(let word)): words.contains(word)
        case (.name, .word(let word)): RoutingSettings.isViaName(word)
        case (.fieldNames, .word(let word)): RoutingSettings.isFieldNames(word)
        case (.number, .word), (.choice, .number), (.name, .number), (.fieldNames, .number): false
        }
    }

    /// The values as a person reads them behind "must be".
    public var text: String {
        switch self {
        case .number(let bounds): "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)"
        case .choice(let words): words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
        case .fieldNames(let countMax): "up to \(countMax) names of header fields with commas between, or empty"
        case .name(let bytesMax): "a name of at most \(bytesMax) letters, digits and -._, or empty"
        }
    }
}

extension RoutingSettings.CodingKeys {
    /// The values that this setting may have.
    public var rule: SettingRule {
        if let bounds = RoutingSettings.bounds(self) { return .number(bounds) }
        return switch self {
        case .halfClose: .choice(HalfClose.allCases.map(\.rawValue))
        case .breakerCounts: .choice(BreakerCounts.allCases.map(\.rawValue))
        case .forwardedFields: .choice(ForwardedFields.allCases.map(\.rawValue))
        case .traceContext: .choice(TraceContextMode.allCases.map(\.rawValue))
        case .requestIDFields: .fieldNames(countMax: RoutingSettings.requestIDFieldsMax)
        default: .name(bytesMax: RoutingSettings.viaBytesMax)
        }
    }
}
