import NIOCore

/// OpenAI's text completions, with the members that SGLang adds.
struct CompletionShape: AnswerShape {
    var closingEvents: Int { 1 }

    func endEvents(of answer: Answer) -> Int { answer.request.streamsUsage ? 2 : 1 }

    func writeWhole(_ answer: Answer, into buffer: inout ByteBuffer) {
        buffer.writeStaticString("{")
        buffer.writeObjectHead("text_completion", of: answer)
        buffer.writeStaticString(",\"choices\":[")
        for sample in answer.samples {
            if sample.index > 0 { buffer.writeStaticString(",") }
            let text = answer.text(length: sample.produced, of: sample)
            writeChoice(sample, text: text, finishReason: answer.finishReason, into: &buffer)
        }
        buffer.writeStaticString("]")
        buffer.writeUsage(of: answer)
        buffer.writeStaticString("}")
    }

    func writeContent(_ position: Int, of sample: Answer.Sample, in answer: Answer, into buffer: inout ByteBuffer) {
        let text = answer.text(at: position, of: sample)
        writeChunk(of: sample, in: answer, text: text, finishReason: nil, into: &buffer)
    }

    func writeClosing(_ number: Int, of sample: Answer.Sample, in answer: Answer, into buffer: inout ByteBuffer) {
        writeChunk(of: sample, in: answer, text: "", finishReason: answer.finishReason, into: &buffer)
    }

    func writeEnd(_ number: Int, of answer: Answer, into buffer: inout ByteBuffer) {
        guard answer.request.streamsUsage, number == 0 else {
            buffer.writeDone()
            return
        }
        buffer.openEvent(of: answer)
        buffer.writeObjectHead("text_completion", of: answer)
        buffer.writeStaticString(",\"choices\":[]")
        buffer.writeUsage(of: answer)
        buffer.closeEvent()
    }

    private func writeChunk(
        of sample: Answer.Sample,
        in answer: Answer,
        text: String,
        finishReason: StaticString?,
        into buffer: inout ByteBuffer
    ) {
        buffer.openEvent(of: answer)
        buffer.writeObjectHead("text_completion", of: answer)
        buffer.writeStaticString(",\"choices\":[")
        writeChoice(sample, text: text, finishReason: finishReason, into: &buffer)
        buffer.writeStaticString("],\"usage\":null")
        buffer.closeEvent()
    }

    private func writeChoice(
        _ sample: Answer.Sample,
        text: String,
        finishReason: StaticString?,
        into buffer: inout ByteBuffer
    ) {
        buffer.writeStaticString("{")
        buffer.writeMember("index", sample.index, isFirst: true)
        buffer.writeMember("text", text)
        buffer.writeStaticString(",\"logprobs\":null,\"finish_reason\":")
        if let finishReason {
            buffer.writeStaticString("\"")
            buffer.writeStaticString(finishReason)
            buffer.writeStaticString("\"")
        } else {
            buffer.writeStaticString("null")
        }
        buffer.writeStaticString(",\"matched_stop\":null}")
    }
}
