import NIOCore

/// OpenAI's responses: one output message with one text part.
struct ResponseShape: AnswerShape {
    var openingEvents: Int { 3 }
    var closingEvents: Int { 4 }

    func writeWhole(_ answer: Answer, into buffer: inout ByteBuffer) {
        buffer.writeStaticString("{")
        writeMembers(of: answer, isComplete: true, into: &buffer)
        buffer.writeStaticString("}")
    }

    func writeOpening(_ number: Int, of sample: Answer.Sample, in answer: Answer, into buffer: inout ByteBuffer) {
        switch number {
        case 0:
            open("response.created", sequence: number, of: answer, into: &buffer)
            buffer.writeStaticString(",\"response\":{")
            writeMembers(of: answer, isComplete: false, into: &buffer)
            buffer.writeStaticString("}")
        case 1:
            open("response.output_item.added", sequence: number, of: answer, into: &buffer)
            buffer.writeStaticString(",\"output_index\":0,\"item\":")
            writeMessage(text: nil, of: answer, into: &buffer)
        default:
            open("response.content_part.added", sequence: number, of: answer, into: &buffer)
            writePlace(of: answer, into: &buffer)
            buffer.writeStaticString(",\"part\":")
            writePart(text: "", into: &buffer)
        }
        buffer.closeEvent()
    }

    func writeContent(_ position: Int, of sample: Answer.Sample, in answer: Answer, into buffer: inout ByteBuffer) {
        open("response.output_text.delta", sequence: openingEvents + position, of: answer, into: &buffer)
        writePlace(of: answer, into: &buffer)
        buffer.writeStaticString(",\"logprobs\":[]")
        buffer.writeMember("delta", answer.text(at: position, of: sample))
        buffer.closeEvent()
    }

    func writeClosing(_ number: Int, of sample: Answer.Sample, in answer: Answer, into buffer: inout ByteBuffer) {
        let sequence = openingEvents + answer.length + number
        let text = answer.text(length: sample.produced, of: sample)
        switch number {
        case 0:
            open("response.output_text.done", sequence: sequence, of: answer, into: &buffer)
            writePlace(of: answer, into: &buffer)
            buffer.writeStaticString(",\"logprobs\":[]")
            buffer.writeMember("text", text)
        case 1:
            open("response.content_part.done", sequence: sequence, of: answer, into: &buffer)
            writePlace(of: answer, into: &buffer)
            buffer.writeStaticString(",\"part\":")
            writePart(text: text, into: &buffer)
        case 2:
            open("response.output_item.done", sequence: sequence, of: answer, into: &buffer)
            buffer.writeStaticString(",\"output_index\":0,\"item\":")
            writeMessage(text: text, of: answer, into: &buffer)
        default:
            open("response.completed", sequence: sequence, of: answer, into: &buffer)
            buffer.writeStaticString(",\"response\":{")
            writeMembers(of: answer, isComplete: true, into: &buffer)
            buffer.writeStaticString("}")
        }
        buffer.closeEvent()
    }

    /// Starts an event, whose name stands in its data, too.
    private func open(
        _ name: StaticString,
        sequence: Int,
        of answer: Answer,
        into buffer: inout ByteBuffer
    ) {
        buffer.openEvent(name, of: answer)
        buffer.writeStaticString("\"type\":\"")
        buffer.writeStaticString(name)
        buffer.writeStaticString("\"")
        buffer.writeMember("sequence_number", sequence)
    }

    /// Writes where in the response an event belongs.
    private func writePlace(of answer: Answer, into buffer: inout ByteBuffer) {
        buffer.writeMember("item_id", itemID(of: answer))
        buffer.writeStaticString(",\"output_index\":0,\"content_index\":0")
    }

    private func itemID(of answer: Answer) -> String { "msg_\(answer.id.dropFirst("resp_".count))" }

    private func writeMembers(of answer: Answer, isComplete: Bool, into buffer: inout ByteBuffer) {
        buffer.writeMember("id", answer.id, isFirst: true)
        buffer.writeMember("object", "response")
        buffer.writeMember("created_at", answer.created)
        buffer.writeMember("status", isComplete ? "completed" : "in_progress")
        buffer.writeMember("model", answer.request.model)
        buffer.writeStaticString(
            """
            ,"error":null,"incomplete_details":null,"instructions":null,"metadata":{},"parallel_tool_calls":true\
            ,"tool_choice":"auto","tools":[],"temperature":null,"top_p":null,"output":[
            """
        )
        if isComplete, let sample = answer.samples.first {
            writeMessage(text: answer.text(length: sample.produced, of: sample), of: answer, into: &buffer)
        }
        buffer.writeStaticString("]")
        guard isComplete else {
            buffer.writeStaticString(",\"usage\":null")
            return
        }
        let (input, output) = (answer.promptTokens, answer.completionTokens)
        buffer.writeStaticString(",\"usage\":{")
        buffer.writeMember("input_tokens", input, isFirst: true)
        buffer.writeStaticString(",\"input_tokens_details\":{")
        buffer.writeMember("cached_tokens", answer.cachedTokens, isFirst: true)
        buffer.writeStaticString("}")
        buffer.writeMember("output_tokens", output)
        buffer.writeStaticString(",\"output_tokens_details\":{\"reasoning_tokens\":0}")
        buffer.writeMember("total_tokens", input + output)
        buffer.writeStaticString("}")
    }

    /// Writes the output message; without a text it has only begun.
    private func writeMessage(text: String?, of answer: Answer, into buffer: inout ByteBuffer) {
        buffer.writeStaticString("{\"type\":\"message\",\"role\":\"assistant\"")
        buffer.writeMember("id", itemID(of: answer))
        buffer.writeMember("status", text == nil ? "in_progress" : "completed")
        buffer.writeStaticString(",\"content\":[")
        if let text { writePart(text: text, into: &buffer) }
        buffer.writeStaticString("]}")
    }

    private func writePart(text: String, into buffer: inout ByteBuffer) {
        buffer.writeStaticString("{\"type\":\"output_text\"")
        buffer.writeMember("text", text)
        buffer.writeStaticString(",\"annotations\":[],\"logprobs\":[]}")
    }
}
