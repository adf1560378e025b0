/// What a worker says of how much it can take; nil where it does not say.
public struct ToldCapacity: Hashable, Sendable {
    /// Requests that it runs at one time.
    public var runningRequestsMax: Int?
    /// Tokens of prompts and answers that its prefix cache holds, in the memory of its host, too.
    public var cacheTokens: Int?

    public init(runningRequestsMax: Int? = nil, cacheTokens: Int? = nil) {
        self.runningRequestsMax = runningRequestsMax
        self.cacheTokens = cacheTokens
    }
}
