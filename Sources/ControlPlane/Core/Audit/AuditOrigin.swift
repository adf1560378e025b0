/// On whose behalf a change is made; the audit trail keeps it.
public struct AuditOrigin: Hashable, Sendable {
    public var actor: Actor
    /// The address of the peer that asked, or nil when nobody asked over a connection.
    public var sourceAddress: String?
    public var requestID: String?

    public init(actor: Actor, sourceAddress: String? = nil, requestID: String? = nil) {
        self.actor = actor
        self.sourceAddress = sourceAddress
        self.requestID = requestID
    }

    /// The control plane itself, for example after a probe.
    public static let controlPlane = AuditOrigin(actor: .controlPlane)
    /// The flags of the command line.
    public static let commandLine = AuditOrigin(actor: .cli)
    /// Service discovery, after what the API server told.
    public static let kubernetes = AuditOrigin(actor: .kubernetes)

    public enum Actor: String, Hashable, Sendable, CaseIterable {
        case api
        case cli
        case controlPlane = "control-plane"
        case kubernetes
    }
}
