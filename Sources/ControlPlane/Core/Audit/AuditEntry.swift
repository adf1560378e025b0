public import SignalboxProtocol

/// One row of the audit trail as readers see it.
public struct AuditEntry: Hashable, Sendable {
    public var id: Int64
    /// RFC 3339 in UTC.
    public var time: String
    public var actor: String
    public var sourceAddress: String?
    public var requestID: String?
    public var action: String
    public var subject: String
    public var before: JSONValue?
    public var after: JSONValue?
    /// The version that the change made.
    public var version: SnapshotVersion

    public init(
        id: Int64,
        time: String,
        actor: String,
        sourceAddress: String?,
        requestID: String?,
        action: String,
        subject: String,
        before: JSONValue?,
        after: JSONValue?,
        version: SnapshotVersion
    ) {
        self.id = id
        self.time = time
        self.actor = actor
        self.sourceAddress = sourceAddress
        self.requestID = requestID
        self.action = action
        self.subject = subject
        self.before = before
        self.after = after
        self.version = version
    }
}
