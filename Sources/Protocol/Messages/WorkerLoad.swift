/// The load that one incarnation of a worker last told its control plane.
public struct WorkerLoad: Hashable, Sendable, Codable {
    public var incarnation: IncarnationID
    /// Tokens in work at the worker, from whomever they came.
    public var tokens: Int
    /// How old that is, in milliseconds.
    public var ageMilliseconds: Int
    /// The age from which on nobody should use it any more, in milliseconds.
    public var freshMilliseconds: Int

    public init(incarnation: IncarnationID, tokens: Int, ageMilliseconds: Int, freshMilliseconds: Int) {
        self.incarnation = incarnation
        self.tokens = tokens
        self.ageMilliseconds = ageMilliseconds
        self.freshMilliseconds = freshMilliseconds
    }

    enum CodingKeys: String, CodingKey {
        case incarnation, tokens
        case ageMilliseconds = "age_milliseconds"
        case freshMilliseconds = "fresh_milliseconds"
    }
}
