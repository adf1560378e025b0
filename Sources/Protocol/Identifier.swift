public import FoundationEssentials

/// A UUID that cannot be confused with the identifier of another kind of thing.
///
/// Its text form, on the wire and in the database, is the lower-case one of RFC 9562 section 4.
public struct Identifier<Kind>: Hashable, Sendable, CustomStringConvertible {
    public let uuid: UUID

    public init(_ uuid: UUID) {
        self.uuid = uuid
    }

    /// Makes a random identifier (UUID version 4).
    public static func random(using generator: inout some RandomNumberGenerator) -> Identifier {
        Identifier(UUID.random(using: &generator))
    }

    /// Reads the text form; upper-case digits are accepted. Returns nil when `text` is no UUID.
    public init?(_ text: String) {
        guard let uuid = UUID(uuidString: text) else { return nil }
        self.uuid = uuid
    }

    public var description: String { uuid.uuidString.lowercased() }
}

extension Identifier: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let identifier = Identifier(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' is not a UUID")
        }
        self = identifier
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// Names the database that a sequence belongs to; a restored or recreated database has a new one.
public typealias Epoch = Identifier<EpochKind>
/// Names a worker for as long as its registration lasts.
public typealias WorkerID = Identifier<WorkerKind>
/// Names one registration of a worker; a URL that is added again gets a new one and inherits nothing.
public typealias IncarnationID = Identifier<IncarnationKind>
/// Names one run of a control plane process; ticks of its health messages count within it.
public typealias RunID = Identifier<RunKind>

public enum EpochKind {}
public enum WorkerKind {}
public enum IncarnationKind {}
public enum RunKind {}

extension UUID {
    /// Draws the 122 random bits of a version 4 UUID from `generator`.
    static func random(using generator: inout some RandomNumberGenerator) -> UUID {
        let high = generator.next()
        let low = generator.next()
        func byte(_ word: UInt64, _ index: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: word >> (index * 8)) }
        return UUID(
            uuid: (
                byte(high, 0), byte(high, 1), byte(high, 2), byte(high, 3),
                byte(high, 4), byte(high, 5), byte(high, 6) & 0x0F | 0x40, byte(high, 7),
                byte(low, 0) & 0x3F | 0x80, byte(low, 1), byte(low, 2), byte(low, 3),
                byte(low, 4), byte(low, 5), byte(low, 6), byte(low, 7)
            )
        )
    }
}
