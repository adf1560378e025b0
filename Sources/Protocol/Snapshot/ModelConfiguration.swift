/// What applies to one model only; what is nil is as for all models.
public struct ModelConfiguration: Hashable, Sendable, Codable {
    public var model: String
    public var policy: PolicyConfiguration?
    public var timeouts: ModelTimeouts?
    /// Workers served it beside other models: its name is never another name of what the others serve. Nil: no.
    public var wasServed: Bool?

    public init(
        model: String,
        policy: PolicyConfiguration? = nil,
        timeouts: ModelTimeouts? = nil,
        wasServed: Bool? = nil
    ) {
        self.model = model
        self.policy = policy
        self.timeouts = timeouts
        self.wasServed = wasServed
    }

    enum CodingKeys: String, CodingKey {
        case model, policy, timeouts
        case wasServed = "was_served"
    }
}
