/// What applies to one model only; what is nil is as for all models.
public struct ModelConfiguration: Hashable, Sendable, Codable {
    public var model: String
    public var policy: PolicyConfiguration?
    public var timeouts: ModelTimeouts?

    public init(model: String, policy: PolicyConfiguration? = nil, timeouts: ModelTimeouts? = nil) {
        self.model = model
        self.policy = policy
        self.timeouts = timeouts
    }
}
