/// The request shapes that are answered by the engine.
enum AnswerKind: Sendable, Hashable {
    /// SGLang's own `/generate`.
    case generate
    case chat
    case completion
    /// OpenAI's `/v1/responses`.
    case response
    /// Anthropic's `/v1/messages`.
    case message
    case embedding
    case ranking

    /// Whether tokens are generated, not only a prompt computed.
    var generatesText: Bool { self != .embedding && self != .ranking }

    var canStream: Bool { generatesText }

    /// What the ids of the answers start with.
    var idPrefix: StaticString {
        switch self {
        case .generate: ""
        case .chat: "chatcmpl-"
        case .completion: "cmpl-"
        case .response: "resp_"
        case .message: "msg_"
        case .embedding: "embd-"
        case .ranking: "rerank-"
        }
    }

    /// The writer of this kind of answer.
    var shape: any AnswerShape {
        switch self {
        case .generate: GenerateShape()
        case .chat: ChatShape()
        case .completion: CompletionShape()
        case .response: ResponseShape()
        case .message: MessageShape()
        case .embedding: EmbeddingShape()
        case .ranking: RankingShape()
        }
    }
}
