import NIOCore
import Testing

@testable import SimulatedWorker

@Suite("Answer shapes")
struct AnswerShapeTests {
    /// A finished answer of three tokens.
    private func answer(_ text: String, _ kind: AnswerKind, sentAt: WallTime? = nil) throws -> Answer {
        let request = try GenerationRequest(
            JSONParser.parse(text),
            kind: kind,
            standardModel: "m",
            blockTokens: 16
        )
        var answer = Answer(request: request, id: "\(kind.idPrefix)1", created: 1_700_000_000)
        for index in answer.samples.indices {
            answer.samples[index].produced = answer.length
            answer.samples[index].isFinished = true
        }
        answer.sentAt = sentAt
        return answer
    }

    /// All events of a stream, in the order in which they are written for one sample.
    private func events(_ answer: Answer, _ kind: AnswerKind) -> [String] {
        let shape = kind.shape
        let sample = answer.samples[0]
        func event(_ write: (inout ByteBuffer) -> Void) -> String {
            var buffer = ByteBuffer()
            write(&buffer)
            return String(buffer: buffer)
        }
        var events: [String] = []
        for number in 0..<shape.openingEvents {
            events.append(event { shape.writeOpening(number, of: sample, in: answer, into: &$0) })
        }
        for position in 0..<answer.length {
            events.append(event { shape.writeContent(position, of: sample, in: answer, into: &$0) })
        }
        for number in 0..<shape.closingEvents {
            events.append(event { shape.writeClosing(number, of: sample, in: answer, into: &$0) })
        }
        for number in 0..<shape.endEvents(of: answer) {
            events.append(event { shape.writeEnd(number, of: answer, into: &$0) })
        }
        return events
    }

    /// The JSON of an event, which must have exactly one data line and end with an empty line.
    private func data(_ event: String) throws -> JSONValue {
        #expect(event.hasSuffix("\n\n"))
        let lines = event.split(separator: "\n").filter { $0.hasPrefix("data: ") }
        #expect(lines.count == 1)
        return try JSONParser.parse(String(lines.first?.dropFirst("data: ".count) ?? ""))
    }

    @Test("A chat stream is role, contents, finish reason, usage when asked for, and the end mark")
    func chatStream() throws {
        let answer = try answer(
            """
            {"messages": [{"role": "user", "content": "a"}], "max_tokens": 3, "stream": true,
             "stream_options": {"include_usage": true}}
            """,
            .chat
        )
        let events = events(answer, .chat)
        #expect(events.count == 7)
        #expect(events.last == "data: [DONE]\n\n")
        let chunks = try events.dropLast().map(data)
        #expect(chunks.allSatisfy { $0["object"]?.stringValue == "chat.completion.chunk" })
        let choices = chunks.map { $0["choices"]?.arrayValue?.first }
        #expect(choices[0]?["delta"]?["role"]?.stringValue == "assistant")
        let text = choices[1...3].map { $0?["delta"]?["content"]?.stringValue ?? "" }.joined()
        #expect(text == answer.text(length: 3, of: answer.samples[0]))
        #expect(choices[4]?["finish_reason"]?.stringValue == "length")
        #expect(choices[5] == nil)
        #expect(chunks[5]["usage"]?["completion_tokens"]?.integerValue == 3)
        #expect(chunks[5]["usage"]?["prompt_tokens_details"]?["cached_tokens"]?.integerValue == 0)
    }

    @Test("Without being asked for there is no usage in a stream")
    func noUsage() throws {
        let answer = try answer(#"{"prompt": "a", "max_tokens": 3, "stream": true}"#, .completion)
        let events = events(answer, .completion)
        #expect(events.count == 5)
        #expect(try data(events[0])["choices"]?.arrayValue?.first?["text"]?.stringValue?.isEmpty == false)
    }

    @Test("Each event of /generate has the whole text so far, the last one its finish reason")
    func generateStream() throws {
        let text = #"{"text": "a", "stream": true, "sampling_params": {"max_new_tokens": 3}}"#
        let answer = try answer(text, .generate)
        let events = events(answer, .generate)
        #expect(events.count == 4)
        for position in 0..<3 {
            let event = try data(events[position])
            #expect(event["text"]?.stringValue == answer.text(length: position + 1, of: answer.samples[0]))
            let meta = event["meta_info"]
            #expect(meta?["completion_tokens"]?.integerValue == position + 1)
            #expect(meta?["prompt_tokens"]?.integerValue == 1)
            #expect(meta?["finish_reason"]?.isNull == (position < 2))
        }
        #expect(events.last == "data: [DONE]\n\n")
    }

    @Test("Every event of a paced answer shows when it was sent, and has the bytes that were asked for")
    func paced() throws {
        let text = #"{"text": "a", "stream": true, "simulated": {"events": 2, "bytes": 30}}"#
        let answer = try answer(text, .generate, sentAt: WallTime(microseconds: 1_700_000_000_000_123))
        let events = events(answer, .generate)
        #expect(events.count == 3)
        #expect(events[0].contains("\"sent_at\":1700000000.000123"))
        #expect(try data(events[0])["text"]?.stringValue?.utf8.count == 30)
    }

    @Test("The events of messages and responses name their type twice", arguments: [AnswerKind.message, .response])
    func namedEvents(kind: AnswerKind) throws {
        let text =
            kind == .message
            ? #"{"messages": [{"role": "user", "content": "a"}], "max_tokens": 3, "stream": true}"#
            : #"{"input": "a", "max_output_tokens": 3, "stream": true}"#
        for event in events(try answer(text, kind), kind) {
            let name = event.split(separator: "\n").first?.dropFirst("event: ".count)
            #expect(try data(event)["type"]?.stringValue == name.map(String.init))
        }
    }

    @Test(
        "A whole answer is one JSON document with the true usage",
        arguments: [
            (AnswerKind.chat, #"{"messages": [{"role": "user", "content": "a"}], "max_tokens": 3, "n": 2}"#),
            (.completion, #"{"prompt": ["a", "b"], "max_tokens": 3}"#),
        ]
    )
    func whole(kind: AnswerKind, text: String) throws {
        var buffer = ByteBuffer()
        kind.shape.writeWhole(try answer(text, kind), into: &buffer)
        let document = try JSONParser.parse(String(buffer: buffer))
        #expect(document["choices"]?.arrayValue?.count == 2)
        #expect(document["usage"]?["completion_tokens"]?.integerValue == 6)
    }

    @Test("Vectors are the same as numbers and as base64")
    func embeddings() throws {
        var buffer = ByteBuffer()
        let text = #"{"input": ["a"], "dimensions": 1, "encoding_format": "base64"}"#
        EmbeddingShape().writeWhole(try answer(text, .embedding), into: &buffer)
        let document = try JSONParser.parse(String(buffer: buffer))
        let vector = document["data"]?.arrayValue?.first?["embedding"]?.stringValue
        #expect(vector == "AACAPw==" || vector == "AACAvw==")
    }
}
