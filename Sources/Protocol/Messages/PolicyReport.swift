/// Whether the policy of a model has what it picks by, at one data plane.
public struct PolicyReport: Hashable, Sendable, Codable {
    /// Nil: of all models without an entry of their own.
    public var model: String?
    public var policy: PolicyName
    public var state: PolicySignal
    /// What is missing and what is done instead, as one sentence for a person; nil when nothing is.
    public var reason: String?

    /// Most entries of one heartbeat; degraded ones go first.
    public static let reportsMax = 64

    public init(model: String?, policy: PolicyName, state: PolicySignal, reason: String? = nil) {
        self.model = model
        self.policy = policy
        self.state = state
        self.reason = reason
    }

    /// Writes every field, so that readers see the same fields always.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(model, forKey: .model)
        try container.encode(policy, forKey: .policy)
        try container.encode(state, forKey: .state)
        try container.encode(reason, forKey: .reason)
    }

    enum CodingKeys: String, CodingKey {
        case model, policy, state, reason
    }
}

/// Whether a policy has its signal.
public enum PolicySignal: String, Hashable, Sendable, Codable, CaseIterable {
    case ok
    /// Something that it picks by is missing, and it uses the next best.
    case degraded
}
