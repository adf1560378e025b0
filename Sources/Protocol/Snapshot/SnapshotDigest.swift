import Crypto

/// The SHA-256 of a snapshot document, written `sha256:` and 64 lower-case hexadecimal digits.
public struct SnapshotDigest: Hashable, Sendable, CustomStringConvertible {
    private static let prefix = "sha256:"

    public let description: String

    /// The digest of a document's line, which includes its line feed.
    public init(of line: [UInt8]) {
        let digits = Array("0123456789abcdef")
        var text = SnapshotDigest.prefix
        for byte in SHA256.hash(data: line) {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        description = text
    }

    /// Reads the text form; nil when it is not one.
    public init?(_ text: String) {
        let digits = text.utf8.dropFirst(SnapshotDigest.prefix.utf8.count)
        guard text.hasPrefix(SnapshotDigest.prefix), digits.count == 64 else { return nil }
        guard digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else { return nil }
        description = text
    }
}

extension SnapshotDigest: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let digest = SnapshotDigest(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' is not a SHA-256 digest")
        }
        self = digest
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
