/// What a data plane knows of another one that speaks with it directly.
public struct PeerReport: Hashable, Sendable, Codable {
    /// The other one's name at its control plane.
    public var id: String
    /// Where its datagrams come from; nil for one on the same host.
    public var address: String?
    /// How old what is known of it is, in milliseconds.
    public var ageMilliseconds: Int
    /// Datagrams that came from it.
    public var received: UInt64
    /// Datagrams that did not come.
    public var lost: UInt64

    public init(id: String, address: String? = nil, ageMilliseconds: Int, received: UInt64, lost: UInt64) {
        self.id = id
        self.address = address
        self.ageMilliseconds = ageMilliseconds
        self.received = received
        self.lost = lost
    }

    enum CodingKeys: String, CodingKey {
        case id, address, received, lost
        case ageMilliseconds = "age_milliseconds"
    }
}
