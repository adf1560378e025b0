import NIOCore

/// Writes answers in one of the formats that clients know.
///
/// Of a stream each method writes exactly one server-sent event, so that the caller decides when each one leaves.
protocol AnswerShape: Sendable {
    /// Events before the first content of each sample.
    var openingEvents: Int { get }
    /// Events after the last content of each sample.
    var closingEvents: Int { get }
    /// Events after all samples.
    func endEvents(of answer: Answer) -> Int

    /// Writes the whole answer as one document.
    func writeWhole(_ answer: Answer, into buffer: inout ByteBuffer)
    func writeOpening(_ number: Int, of sample: Answer.Sample, in answer: Answer, into buffer: inout ByteBuffer)
    /// Writes the content at `position`, from 0.
    func writeContent(_ position: Int, of sample: Answer.Sample, in answer: Answer, into buffer: inout ByteBuffer)
    func writeClosing(_ number: Int, of sample: Answer.Sample, in answer: Answer, into buffer: inout ByteBuffer)
    func writeEnd(_ number: Int, of answer: Answer, into buffer: inout ByteBuffer)
}

/// An answer that is never streamed has no events.
extension AnswerShape {
    var openingEvents: Int { 0 }
    var closingEvents: Int { 0 }
    func endEvents(of answer: Answer) -> Int { 0 }
    func writeOpening(_ number: Int, of sample: Answer.Sample, in answer: Answer, into buffer: inout ByteBuffer) {}
    func writeContent(_ position: Int, of sample: Answer.Sample, in answer: Answer, into buffer: inout ByteBuffer) {}
    func writeClosing(_ number: Int, of sample: Answer.Sample, in answer: Answer, into buffer: inout ByteBuffer) {}
    func writeEnd(_ number: Int, of answer: Answer, into buffer: inout ByteBuffer) {}
}

extension ByteBuffer {
    /// Starts a server-sent event whose data is a JSON object; a paced answer shows in it when it leaves.
    mutating func openEvent(_ name: StaticString? = nil, of answer: Answer) {
        if let name {
            writeStaticString("event: ")
            writeStaticString(name)
            writeStaticString("\n")
        }
        writeStaticString("data: {")
        if let sentAt = answer.sentAt {
            writeStaticString("\"sent_at\":")
            writeString(sentAt.text)
            writeStaticString(",")
        }
    }

    /// Ends the object and the event.
    mutating func closeEvent() {
        writeStaticString("}\n\n")
    }

    /// The event that ends the streams of OpenAI and SGLang.
    mutating func writeDone() {
        writeStaticString("data: [DONE]\n\n")
    }

    /// Writes the members that start each OpenAI object.
    mutating func writeObjectHead(_ object: StaticString, of answer: Answer) {
        writeMember("id", answer.id, isFirst: true)
        writeStaticString(",\"object\":\"")
        writeStaticString(object)
        writeStaticString("\"")
        writeMember("created", answer.created)
        writeMember("model", answer.request.model)
    }

    /// Writes `"usage":{...}` as OpenAI counts, with a comma before it.
    mutating func writeUsage(of answer: Answer) {
        let (prompt, completion) = (answer.promptTokens, answer.completionTokens)
        writeStaticString(",\"usage\":{")
        writeMember("prompt_tokens", prompt, isFirst: true)
        writeMember("total_tokens", prompt + completion)
        writeMember("completion_tokens", completion)
        writeStaticString(",\"prompt_tokens_details\":{")
        writeMember("cached_tokens", answer.cachedTokens, isFirst: true)
        writeStaticString("}}")
    }
}
