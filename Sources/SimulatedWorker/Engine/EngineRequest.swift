/// Names one request within an engine.
struct EngineRequestID: Hashable, Sendable {
    let number: Int
}

/// What the engine must know of a request: sizes and prefix, no text.
struct EngineRequest: Sendable, Hashable {
    let id: EngineRequestID
    /// The block hashes of the prompt followed by the answer, so that the next turn of a conversation finds both.
    let blocks: [UInt64]
    let promptTokens: Int
    /// Tokens to generate; at least 1.
    let outputTokens: Int
    /// Whether each decode step is reported; a request that is not streamed needs only the end.
    let reportsEachToken: Bool
}

/// What happened to a request in the engine.
enum EngineEvent: Hashable, Sendable {
    /// The prompt is computed and the first token is there; so many tokens of the prompt came from the cache.
    case prefilled(EngineRequestID, cachedTokens: Int)
    /// So many tokens are there by now.
    case decoded(EngineRequestID, tokens: Int)
    /// All tokens are there, the request has left the engine.
    case finished(EngineRequestID)

    /// The request that this is about.
    var id: EngineRequestID {
        switch self {
        case .prefilled(let id, _), .decoded(let id, _), .finished(let id): id
        }
    }
}
