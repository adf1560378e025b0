import NIOCore

/// The answers of SGLang's own `/generate`; each event of a stream has the whole text so far.
struct GenerateShape: AnswerShape {
    func endEvents(of answer: Answer) -> Int { 1 }

    func writeWhole(_ answer: Answer, into buffer: inout ByteBuffer) {
        let isList = answer.request.isBatch || answer.request.choices > 1
        if isList { buffer.writeStaticString("[") }
        for sample in answer.samples {
            buffer.writeStaticString(sample.index > 0 ? ",{" : "{")
            writeMembers(of: sample, in: answer, length: sample.produced, into: &buffer)
            buffer.writeStaticString("}")
        }
        if isList { buffer.writeStaticString("]") }
    }

    func writeContent(_ position: Int, of sample: Answer.Sample, in answer: Answer, into buffer: inout ByteBuffer) {
        buffer.openEvent(of: answer)
        writeMembers(of: sample, in: answer, length: position + 1, into: &buffer)
        if answer.request.isBatch { buffer.writeMember("index", sample.index) }
        buffer.closeEvent()
    }

    func writeEnd(_ number: Int, of answer: Answer, into buffer: inout ByteBuffer) {
        buffer.writeDone()
    }

    private func writeMembers(
        of sample: Answer.Sample,
        in answer: Answer,
        length: Int,
        into buffer: inout ByteBuffer
    ) {
        buffer.writeMember("text", answer.text(length: length, of: sample), isFirst: true)
        buffer.writeStaticString(",\"output_ids\":[")
        if answer.request.pacing == nil {
            for position in 0..<length {
                if position > 0 { buffer.writeStaticString(",") }
                buffer.writeDecimal(sample.prompt.output.tokenNumber(position))
            }
        }
        buffer.writeStaticString("],\"meta_info\":{")
        buffer.writeMember("id", sample.index == 0 ? answer.id : "\(answer.id)-\(sample.index)", isFirst: true)
        writeFinishReason(of: answer, length: length, into: &buffer)
        buffer.writeMember("prompt_tokens", sample.prompt.tokens)
        buffer.writeMember("weight_version", "default")
        buffer.writeMember("completion_tokens", length)
        buffer.writeMember("cached_tokens", sample.cachedTokens)
        buffer.writeStaticString("}")
    }

    private func writeFinishReason(of answer: Answer, length: Int, into buffer: inout ByteBuffer) {
        buffer.writeStaticString(",\"finish_reason\":")
        if length < answer.length {
            buffer.writeStaticString("null")
        } else if answer.request.isLimited {
            buffer.writeStaticString("{\"type\":\"length\"")
            buffer.writeMember("length", length)
            buffer.writeStaticString("}")
        } else {
            buffer.writeStaticString("{\"type\":\"stop\",\"matched\":2}")
        }
    }
}
