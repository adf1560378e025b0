import Testing

@testable import DataPlaneCore

@Suite("Usage at the end of answers") struct TokenUsageTests {
    private static func read(_ text: String) -> [Int?] {
        var usage = TokenUsage()
        usage.read(Array(text.utf8).span)
        return [usage.promptTokens, usage.completionTokens, usage.cachedTokens]
    }

    @Test(
        "All dialects are read",
        arguments: [
            (
                #"{"usage":{"prompt_tokens":12,"total_tokens":19,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":8}}}"#,
                [12, 7, 8]
            ),
            (
                #""usage" : { "prompt_tokens" : 12 , "completion_tokens" : 7, "prompt_tokens_details": null }"#,
                [12, 7, nil]
            ),
            (
                #""meta_info":{"id":"x","prompt_tokens":5,"weight_version":"k","completion_tokens":16,"cached_tokens":1,"e2e_latency":0.1}}"#,
                [5, 16, 1]
            ),
            (
                #""usage":{"input_tokens":9,"cache_read_input_tokens":4,"output_tokens":3,"output_tokens_details":{"reasoning_tokens":2}}"#,
                [9, 3, 4]
            ),
            (
                "data: {\"prompt_tokens\":1,\"completion_tokens\":1}\n\ndata: {\"prompt_tokens\":1,\"completion_tokens\":2}\n\n",
                [1, 2, nil]
            ),
        ] as [(String, [Int?])]
    )
    func dialects(_ text: String, _ expected: [Int?]) {
        #expect(TokenUsageTests.read(text) == expected)
    }

    @Test(
        "What is no usage is none",
        arguments: [
            "", "k", "tokens\":5,", "{\"text\":\"\\\"prompt_tokens\\\":5,\"}", "\"prompt_tokens\"",
            "\"prompt_tokens\":",
            "\"prompt_tokens\":5", "\"prompt_tokens\":-5,", "\"prompt_tokens\":null,", "\"prompt_tokens\":\"5\",",
            "\"prompt_tokens\":1234567890123,", "\"total_tokens\":5,", "prompt_tokens\":5,", "\"prompt_token\":5,",
            "\"a_very_long_key_of_somebody_prompt_tokens\":5,",
        ]
    )
    func none(_ text: String) {
        #expect(TokenUsageTests.read(text) == [nil, nil, nil])
    }

    @Test("Any cut of an answer is read without harm, and a cut number is none")
    func cuts() {
        let text = Array(#"xxk{"usage":{"prompt_tokens":12,"completion_tokens":7,"cached_tokens":8}}kk"#.utf8)
        for start in 0...text.count {
            for end in start...text.count {
                var usage = TokenUsage()
                usage.read(text.span.extracting(start..<end))
                #expect(usage.promptTokens == nil || usage.promptTokens == 12)
                #expect(usage.completionTokens == nil || usage.completionTokens == 7)
                #expect(usage.cachedTokens == nil || usage.cachedTokens == 8)
            }
        }
    }
}
