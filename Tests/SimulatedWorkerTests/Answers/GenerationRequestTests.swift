import Testing

@testable import SimulatedWorker

@Suite("Generation requests")
struct GenerationRequestTests {
    private func read(_ text: String, _ kind: AnswerKind) throws -> GenerationRequest {
        try GenerationRequest(JSONParser.parse(text), kind: kind, standardModel: "standard", blockTokens: 16)
    }

    @Test(
        "Each shape names its number of tokens in its own way",
        arguments: [
            (AnswerKind.generate, #"{"text": "a", "sampling_params": {"max_new_tokens": 5}}"#),
            (.chat, #"{"messages": [{"role": "user", "content": "a"}], "max_tokens": 5}"#),
            (.chat, #"{"messages": [{"role": "user", "content": "a"}], "max_completion_tokens": 5, "max_tokens": 9}"#),
            (.completion, #"{"prompt": "a", "max_tokens": 5}"#),
            (.response, #"{"input": "a", "max_output_tokens": 5}"#),
            (.message, #"{"messages": [{"role": "user", "content": "a"}], "max_tokens": 5}"#),
        ]
    )
    func tokens(kind: AnswerKind, text: String) throws {
        let request = try read(text, kind)
        #expect(request.outputTokens == 5)
        #expect(request.isLimited)
        #expect(request.model == "standard")
    }

    @Test("Without a number there are 16 tokens")
    func standardTokens() throws {
        let request = try read(#"{"prompt": "a", "model": "m"}"#, .completion)
        #expect(request.outputTokens == 16)
        #expect(!request.isLimited)
        #expect(request.model == "m")
    }

    @Test("Texts and tokens, alone and in lists, are prompts")
    func prompts() throws {
        #expect(try read(#"{"prompt": "abcdefgh"}"#, .completion).prompts.map(\.tokens) == [2])
        #expect(try read(#"{"prompt": ["abcd", "b"]}"#, .completion).prompts.map(\.tokens) == [1, 1])
        #expect(try read(#"{"prompt": [1, 2, 3]}"#, .completion).prompts.map(\.tokens) == [3])
        #expect(try read(#"{"input_ids": [[1, 2, 3], [4]]}"#, .generate).prompts.map(\.tokens) == [3, 1])
        #expect(try read(#"{"input": ["a", "b"]}"#, .embedding).prompts.count == 2)
        #expect(try read(#"{"query": "q", "documents": ["x", {"text": "y"}]}"#, .ranking).documents == ["x", "y"])
    }

    @Test("The next turn of a conversation starts with the prompt and the answer of this one")
    func conversation() throws {
        let long = String(repeating: "word ", count: 100)
        let first = try read(#"{"messages": [{"role": "user", "content": "\#(long)"}]}"#, .chat)
        let answer = first.prompts[0].output.text(tokens: 64)
        let second = try read(
            """
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "\(long)"}]},
             {"role": "assistant", "content": "\(answer)"}, {"role": "user", "content": "more"}]}
            """,
            .chat
        )
        var known = first.prompts[0].hasher
        known.append(answer)
        #expect(known.blocks.count > first.prompts[0].hasher.blocks.count)
        #expect(second.prompts[0].hasher.blocks.starts(with: known.blocks))
    }

    @Test(
        "A wrong field is named",
        arguments: [
            (AnswerKind.chat, #"{"messages": []}"#, "messages"), (.chat, "{}", "messages"), (.chat, "[]", "body"),
            (.completion, #"{"prompt": "a", "max_tokens": -1}"#, "max_tokens"),
            (.completion, #"{"prompt": "a", "n": 0}"#, "n"), (.completion, #"{"prompt": []}"#, "prompt"),
            (.generate, "{}", "input_ids"), (.generate, #"{"text": "a", "simulated": 1}"#, "simulated"),
            (.generate, #"{"text": "a", "simulated": {"events": -1}}"#, "simulated.events"),
            (.ranking, #"{"documents": ["a"]}"#, "query"),
        ]
    )
    func wrongField(kind: AnswerKind, text: String, field: String) {
        let error = #expect(throws: RequestError.self) { try read(text, kind) }
        #expect(error?.field == field)
    }

    @Test("A test can set the events of its stream")
    func pacing() throws {
        let text = #"{"text": "a", "stream": true, "simulated": {"events": 7, "interval_ms": 2.5, "bytes": 100}}"#
        let pacing = try read(text, .generate).pacing
        #expect(pacing?.events == 7)
        #expect(pacing?.interval == .microseconds(2500))
        #expect(pacing?.bytes == 100)
    }
}
