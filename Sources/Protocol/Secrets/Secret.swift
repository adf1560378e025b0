/// A text that must not be shown: it goes over the wire and into computations, never into a log, an answer or an error.
public struct Secret: Hashable, Sendable {
    /// The text itself; whoever takes it must not show it.
    public let revealed: String

    public init(_ revealed: String) {
        self.revealed = revealed
    }
}

extension Secret: Codable {
    public init(from decoder: any Decoder) throws {
        revealed = try decoder.singleValueContainer().decode(String.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(revealed)
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "(secret)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
