/// Finds the prompts in the request shapes and cuts them into blocks.
///
/// A conversation is written as one text, each message behind the name of its role, the answer's role at the end: the
/// next turn of the conversation then starts with the same text as this prompt and its answer.
struct PromptReader {
    private let blockTokens: Int
    private(set) var prompts: [PromptHasher] = []
    private(set) var isBatch = false
    private(set) var documents: [String] = []

    init(blockTokens: Int) {
        self.blockTokens = blockTokens
    }

    /// Reads the prompts that `document` has for `kind`.
    mutating func read(_ document: JSONValue, kind: AnswerKind) throws(RequestError) {
        switch kind {
        case .generate:
            if let text = document["text"], !text.isNull {
                try readPrompts("text", text)
            } else {
                try readPrompts("input_ids", document["input_ids"])
            }
        case .completion: try readPrompts("prompt", document["prompt"])
        case .embedding: try readPrompts("input", document["input"])
        case .chat: try readConversation("messages", document["messages"], system: nil)
        case .message: try readConversation("messages", document["messages"], system: document["system"])
        case .response: try readConversation("input", document["input"], system: document["instructions"])
        case .ranking: try readDocuments(document)
        }
    }

    /// A text, a list of texts, a list of tokens, or a list of such lists.
    private mutating func readPrompts(_ field: String, _ value: JSONValue?) throws(RequestError) {
        guard let value, !value.isNull else { throw RequestError(field, "The field '\(field)' is missing.") }
        if let text = value.stringValue {
            prompts = [hasher(of: text)]
            return
        }
        guard let elements = value.arrayValue, let first = elements.first else {
            throw RequestError(field, "The field '\(field)' must be a text or a list that is not empty.")
        }
        guard first.integerValue == nil else {
            prompts = [try hasher(ofTokens: elements, field)]
            return
        }
        isBatch = true
        for element in elements {
            if let text = element.stringValue {
                prompts.append(hasher(of: text))
            } else {
                prompts.append(try hasher(ofTokens: element.arrayValue ?? [], field))
            }
        }
    }

    private mutating func readConversation(
        _ field: String,
        _ value: JSONValue?,
        system: JSONValue?
    ) throws(RequestError) {
        var hasher = PromptHasher(blockTokens: blockTokens)
        if let system, !system.isNull { append(role: "system", content: system, to: &hasher) }
        if let text = value?.stringValue {
            append(role: "user", content: .string(text), to: &hasher)
        } else {
            guard let messages = value?.arrayValue, !messages.isEmpty else {
                throw RequestError(field, "The field '\(field)' must be a list of messages that is not empty.")
            }
            for message in messages {
                append(role: message["role"]?.stringValue ?? "user", content: message["content"] ?? .null, to: &hasher)
            }
        }
        hasher.append("<|assistant|>")
        prompts = [hasher]
    }

    private mutating func readDocuments(_ document: JSONValue) throws(RequestError) {
        guard let query = document["query"]?.stringValue else {
            throw RequestError("query", "The field 'query' must be a text.")
        }
        guard let elements = document["documents"]?.arrayValue, !elements.isEmpty else {
            throw RequestError("documents", "The field 'documents' must be a list of texts that is not empty.")
        }
        for element in elements {
            let text = element.stringValue ?? element["text"]?.stringValue ?? ""
            documents.append(text)
            prompts.append(hasher(of: query + "\n" + text))
        }
    }

    /// Writes one message; of a list of content parts the texts are taken, other parts count as one token.
    private func append(role: String, content: JSONValue, to hasher: inout PromptHasher) {
        hasher.append("<|\(role)|>")
        if let text = content.stringValue {
            hasher.append(text)
        } else {
            for part in content.arrayValue ?? [] {
                hasher.append(part["text"]?.stringValue ?? part.stringValue ?? "<|>")
            }
        }
        hasher.append("\n")
    }

    private func hasher(of text: String) -> PromptHasher {
        var hasher = PromptHasher(blockTokens: blockTokens)
        hasher.append(text)
        return hasher
    }

    private func hasher(ofTokens tokens: [JSONValue], _ field: String) throws(RequestError) -> PromptHasher {
        var hasher = PromptHasher(blockTokens: blockTokens)
        guard !tokens.isEmpty else {
            throw RequestError(field, "The field '\(field)' must hold texts or lists of tokens, none of them empty.")
        }
        for token in tokens {
            guard let number = token.integerValue else {
                throw RequestError(field, "The field '\(field)' must hold whole numbers when it is a list of tokens.")
            }
            hasher.append(token: number)
        }
        return hasher
    }
}
