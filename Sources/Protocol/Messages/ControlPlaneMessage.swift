/// What a control plane says to its data planes: one line of JSON each; a snapshot header is followed by its document.
public enum ControlPlaneMessage: Hashable, Sendable {
    case snapshot(SnapshotHeader)
    case health(HealthMessage)
    /// Only for a data plane that asked for secrets.
    case secrets(SecretsMessage)
    case heartbeat
    /// A type that this version does not know; it is ignored.
    case unknown(type: String)
}

/// Announces the document that is the next line.
public struct SnapshotHeader: Hashable, Sendable, Codable {
    public var epoch: Epoch
    public var sequence: UInt64
    /// Length of the document's line in bytes, its line feed included.
    public var bytes: Int
    /// Digest of exactly those bytes, so that `sha256sum` over the line verifies it.
    public var digest: SnapshotDigest

    public init(version: SnapshotVersion, bytes: Int, digest: SnapshotDigest) {
        self.epoch = version.epoch
        self.sequence = version.sequence
        self.bytes = bytes
        self.digest = digest
    }

    public var version: SnapshotVersion { SnapshotVersion(epoch: epoch, sequence: sequence) }
}

extension ControlPlaneMessage: Codable {
    private enum TypeKey: String, CodingKey { case type }

    public init(from decoder: any Decoder) throws {
        let type = try decoder.container(keyedBy: TypeKey.self).decode(String.self, forKey: .type)
        switch type {
        case "snapshot": self = .snapshot(try SnapshotHeader(from: decoder))
        case "health": self = .health(try HealthMessage(from: decoder))
        case "secrets": self = .secrets(try SecretsMessage(from: decoder))
        case "heartbeat": self = .heartbeat
        default: self = .unknown(type: type)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: TypeKey.self)
        try container.encode(type, forKey: .type)
        switch self {
        case .snapshot(let header): try header.encode(to: encoder)
        case .health(let health): try health.encode(to: encoder)
        case .secrets(let secrets): try secrets.encode(to: encoder)
        case .heartbeat, .unknown: break
        }
    }

    private var type: String {
        switch self {
        case .snapshot: "snapshot"
        case .health: "health"
        case .secrets: "secrets"
        case .heartbeat: "heartbeat"
        case .unknown(let type): type
        }
    }
}
