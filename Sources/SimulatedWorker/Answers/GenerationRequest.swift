/// What a request asks the engine for, read from any of the supported request shapes.
struct GenerationRequest: Sendable {
    /// Streams of a test's own making instead of the engine's timing: the `simulated` member of a request.
    struct Pacing: Hashable, Sendable {
        /// Content events to send.
        let events: Int
        /// Time from one event to the next.
        let interval: Duration
        /// Bytes of text in each event.
        let bytes: Int
    }

    /// One prompt, cut into blocks, and the text that answers it.
    struct Prompt: Sendable {
        let hasher: PromptHasher
        let output: OutputText

        var tokens: Int { max(1, hasher.tokens) }

        init(_ hasher: PromptHasher) {
            self.hasher = hasher
            output = OutputText(prompt: hasher)
        }
    }

    /// Tokens generated when the request names no number.
    static let outputTokensStandard = 16
    /// Tokens that a request may ask for.
    static let outputTokensMax = 1_000_000
    /// Prompts times choices in one request.
    static let samplesMax = 2048

    /// The model as the request named it, else the worker's.
    var model: String
    var prompts: [Prompt]
    /// Whether the prompts came as a list, so that the answer is a list, too.
    var isBatch = false
    /// Answers wanted for each prompt (`n`).
    var choices = 1
    var outputTokens = GenerationRequest.outputTokensStandard
    /// Whether the request named its number of tokens, so that the answer ends by its length.
    var isLimited = false
    var streams = false
    /// Whether a stream ends with a chunk that has the usage.
    var streamsUsage = false
    var pacing: Pacing?
    /// Embeddings: numbers in each vector.
    var dimensions = 16
    /// Embeddings: vectors as base64 of 32-bit floats instead of JSON numbers.
    var usesBase64 = false
    /// Reranking: the documents, to be shown in the answer.
    var documents: [String] = []
}

/// Why a request is refused with status 400.
struct RequestError: Error, Hashable, Sendable, CustomStringConvertible {
    let description: String
    /// The field that is wrong.
    let field: String

    init(_ field: String, _ description: String) {
        self.field = field
        self.description = description
    }
}
