/// What is known of a peer, for people.
public struct PeerStatus: Hashable, Sendable {
    /// Its name at its control plane.
    public var id: String
    /// Where its datagrams come from; nil for one on the same host.
    public var address: String?
    /// Since it was heard last.
    public var ageMilliseconds: Int
    public var received: UInt64
    /// Datagrams that did not come.
    public var lost: UInt64
}
