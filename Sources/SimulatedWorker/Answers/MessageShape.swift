import NIOCore

/// Anthropic's messages.
struct MessageShape: AnswerShape {
    var openingEvents: Int { 2 }
    var closingEvents: Int { 3 }

    func writeWhole(_ answer: Answer, into buffer: inout ByteBuffer) {
        buffer.writeStaticString("{")
        writeHead(of: answer, into: &buffer)
        buffer.writeStaticString(",\"content\":[")
        for sample in answer.samples {
            buffer.writeStaticString(sample.index > 0 ? ",{" : "{")
            buffer.writeMember("type", "text", isFirst: true)
            buffer.writeMember("text", answer.text(length: sample.produced, of: sample))
            buffer.writeStaticString("}")
        }
        buffer.writeStaticString("]")
        buffer.writeMember("stop_reason", stopReason(of: answer))
        buffer.writeStaticString(",\"stop_sequence\":null")
        writeUsage(of: answer, outputTokens: answer.completionTokens, into: &buffer)
        buffer.writeStaticString("}")
    }

    func writeOpening(_ number: Int, of sample: Answer.Sample, in answer: Answer, into buffer: inout ByteBuffer) {
        if number == 0 {
            buffer.openEvent("message_start", of: answer)
            buffer.writeStaticString("\"type\":\"message_start\",\"message\":{")
            writeHead(of: answer, into: &buffer)
            buffer.writeStaticString(",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null")
            writeUsage(of: answer, outputTokens: 0, into: &buffer)
            buffer.writeStaticString("}")
        } else {
            buffer.openEvent("content_block_start", of: answer)
            buffer.writeStaticString("\"type\":\"content_block_start\",\"index\":0")
            buffer.writeStaticString(",\"content_block\":{\"type\":\"text\",\"text\":\"\"}")
        }
        buffer.closeEvent()
    }

    func writeContent(_ position: Int, of sample: Answer.Sample, in answer: Answer, into buffer: inout ByteBuffer) {
        buffer.openEvent("content_block_delta", of: answer)
        buffer.writeStaticString("\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\"")
        buffer.writeMember("text", answer.text(at: position, of: sample))
        buffer.writeStaticString("}")
        buffer.closeEvent()
    }

    func writeClosing(_ number: Int, of sample: Answer.Sample, in answer: Answer, into buffer: inout ByteBuffer) {
        switch number {
        case 0:
            buffer.openEvent("content_block_stop", of: answer)
            buffer.writeStaticString("\"type\":\"content_block_stop\",\"index\":0")
        case 1:
            buffer.openEvent("message_delta", of: answer)
            buffer.writeStaticString("\"type\":\"message_delta\",\"delta\":{")
            buffer.writeMember("stop_reason", stopReason(of: answer), isFirst: true)
            buffer.writeStaticString(",\"stop_sequence\":null}")
            writeUsage(of: answer, outputTokens: answer.completionTokens, into: &buffer)
        default:
            buffer.openEvent("message_stop", of: answer)
            buffer.writeStaticString("\"type\":\"message_stop\"")
        }
        buffer.closeEvent()
    }

    private func stopReason(of answer: Answer) -> String { answer.request.isLimited ? "max_tokens" : "end_turn" }

    private func writeHead(of answer: Answer, into buffer: inout ByteBuffer) {
        buffer.writeMember("id", answer.id, isFirst: true)
        buffer.writeStaticString(",\"type\":\"message\",\"role\":\"assistant\"")
        buffer.writeMember("model", answer.request.model)
    }

    /// Writes the usage; as this format counts, tokens from the cache are not in `input_tokens`.
    private func writeUsage(of answer: Answer, outputTokens: Int, into buffer: inout ByteBuffer) {
        buffer.writeStaticString(",\"usage\":{")
        buffer.writeMember("input_tokens", answer.promptTokens - answer.cachedTokens, isFirst: true)
        buffer.writeMember("output_tokens", outputTokens)
        buffer.writeMember("cache_read_input_tokens", answer.cachedTokens)
        buffer.writeStaticString("}")
    }
}
