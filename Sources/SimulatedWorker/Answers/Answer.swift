/// One answer while it comes into being: the request, and how far each of its samples is.
struct Answer {
    /// One text that is generated: one choice for one prompt.
    struct Sample {
        let index: Int
        let prompt: GenerationRequest.Prompt
        /// Whether this is the first choice of its prompt; the others do not count the prompt again.
        let isFirstOfPrompt: Bool
        var cachedTokens = 0
        /// Tokens (or paced events) that are there.
        var produced = 0
        var isFinished = false
    }

    let id: String
    /// Seconds since 1970.
    let created: Int
    let request: GenerationRequest
    /// Tokens, or content events of a paced answer, in each sample.
    let length: Int
    var samples: [Sample]
    /// When the event that is being written leaves, for paced answers only.
    var sentAt: WallTime?
    private let filler: String

    init(request: GenerationRequest, id: String, created: Int) {
        self.request = request
        self.id = id
        self.created = created
        length = request.pacing?.events ?? request.outputTokens
        filler = request.pacing.map { Answer.filler(bytes: $0.bytes) } ?? ""
        var samples: [Sample] = []
        for prompt in request.prompts {
            for choice in 0..<request.choices {
                samples.append(Sample(index: samples.count, prompt: prompt, isFirstOfPrompt: choice == 0))
            }
        }
        self.samples = samples
    }

    /// The text of one content event.
    func text(at position: Int, of sample: Sample) -> String {
        request.pacing == nil ? sample.prompt.output.token(position) : filler
    }

    /// The text of the first `length` content events.
    func text(length: Int, of sample: Sample) -> String {
        request.pacing == nil ? sample.prompt.output.text(tokens: length) : String(repeating: filler, count: length)
    }

    var promptTokens: Int { samples.reduce(0) { $0 + ($1.isFirstOfPrompt ? $1.prompt.tokens : 0) } }

    var cachedTokens: Int { samples.reduce(0) { $0 + ($1.isFirstOfPrompt ? $1.cachedTokens : 0) } }

    var completionTokens: Int {
        request.prompts.isEmpty ? 0 : samples.reduce(0) { $0 + $1.produced }
    }

    /// Why the samples end: at the length that was asked for, or by themselves.
    var finishReason: StaticString { request.isLimited ? "length" : "stop" }

    private static func filler(bytes: Int) -> String {
        let alphabet = "abcdefghijklmnopqrstuvwxyz"
        let whole = String(repeating: alphabet, count: bytes / alphabet.utf8.count)
        return whole + alphabet.prefix(bytes % alphabet.utf8.count)
    }
}
