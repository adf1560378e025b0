/// The secrets that a data plane needs: the whole picture every time. It is kept in memory alone, never in the snapshot, its
/// cache or its history, and never logged.
public struct SecretsMessage: Hashable, Sendable, Codable {
    /// The keys of data planes of several hosts, the one that seals first; empty: the control plane has none. Nil from one that
    /// does not say.
    public var peerKeys: [Secret]?

    public init(peerKeys: [Secret]?) {
        self.peerKeys = peerKeys
    }

    enum CodingKeys: String, CodingKey {
        case peerKeys = "peer_keys"
    }
}

/// A kind of secret that a data plane asks for in its hello; only what is asked for is sent.
public enum SecretName {
    public static let peerKeys = "peer_keys"
}
