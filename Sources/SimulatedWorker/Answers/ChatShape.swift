import NIOCore

/// OpenAI's chat completions, with the members that SGLang adds.
struct ChatShape: AnswerShape {
    var openingEvents: Int { 1 }
    var closingEvents: Int { 1 }

    func endEvents(of answer: Answer) -> Int { answer.request.streamsUsage ? 2 : 1 }

    func writeWhole(_ answer: Answer, into buffer: inout ByteBuffer) {
        buffer.writeStaticString("{")
        buffer.writeObjectHead("chat.completion", of: answer)
        buffer.writeStaticString(",\"choices\":[")
        for sample in answer.samples {
            if sample.index > 0 { buffer.writeStaticString(",") }
            buffer.writeStaticString("{")
            buffer.writeMember("index", sample.index, isFirst: true)
            buffer.writeStaticString(",\"message\":{\"role\":\"assistant\"")
            buffer.writeMember("content", answer.text(length: sample.produced, of: sample))
            buffer.writeStaticString(",\"reasoning_content\":null,\"tool_calls\":null},\"logprobs\":null")
            buffer.writeStaticString(",\"finish_reason\":\"")
            buffer.writeStaticString(answer.finishReason)
            buffer.writeStaticString("\",\"matched_stop\":null}")
        }
        buffer.writeStaticString("]")
        buffer.writeUsage(of: answer)
        buffer.writeStaticString("}")
    }

    func writeOpening(_ number: Int, of sample: Answer.Sample, in answer: Answer, into buffer: inout ByteBuffer) {
        openChunk(of: sample, in: answer, into: &buffer)
        buffer.writeStaticString("\"role\":\"assistant\",\"content\":\"\"")
        closeChunk(finishReason: nil, into: &buffer)
    }

    func writeContent(_ position: Int, of sample: Answer.Sample, in answer: Answer, into buffer: inout ByteBuffer) {
        openChunk(of: sample, in: answer, into: &buffer)
        buffer.writeMember("content", answer.text(at: position, of: sample), isFirst: true)
        closeChunk(finishReason: nil, into: &buffer)
    }

    func writeClosing(_ number: Int, of sample: Answer.Sample, in answer: Answer, into buffer: inout ByteBuffer) {
        openChunk(of: sample, in: answer, into: &buffer)
        closeChunk(finishReason: answer.finishReason, into: &buffer)
    }

    func writeEnd(_ number: Int, of answer: Answer, into buffer: inout ByteBuffer) {
        guard answer.request.streamsUsage, number == 0 else {
            buffer.writeDone()
            return
        }
        buffer.openEvent(of: answer)
        buffer.writeObjectHead("chat.completion.chunk", of: answer)
        buffer.writeStaticString(",\"choices\":[]")
        buffer.writeUsage(of: answer)
        buffer.closeEvent()
    }

    /// Writes a chunk up to the inside of its `delta`.
    private func openChunk(of sample: Answer.Sample, in answer: Answer, into buffer: inout ByteBuffer) {
        buffer.openEvent(of: answer)
        buffer.writeObjectHead("chat.completion.chunk", of: answer)
        buffer.writeStaticString(",\"choices\":[{")
        buffer.writeMember("index", sample.index, isFirst: true)
        buffer.writeStaticString(",\"delta\":{")
    }

    private func closeChunk(finishReason: StaticString?, into buffer: inout ByteBuffer) {
        buffer.writeStaticString("},\"logprobs\":null,\"finish_reason\":")
        if let finishReason {
            buffer.writeStaticString("\"")
            buffer.writeStaticString(finishReason)
            buffer.writeStaticString("\"")
        } else {
            buffer.writeStaticString("null")
        }
        buffer.writeStaticString(",\"matched_stop\":null}],\"usage\":null")
        buffer.closeEvent()
    }
}
