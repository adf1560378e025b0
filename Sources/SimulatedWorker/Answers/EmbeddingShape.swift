import NIOCore

/// OpenAI's embeddings: vectors of length 1 that depend only on the prompt.
struct EmbeddingShape: AnswerShape {
    func writeWhole(_ answer: Answer, into buffer: inout ByteBuffer) {
        buffer.writeStaticString("{\"object\":\"list\",\"data\":[")
        for sample in answer.samples {
            buffer.writeStaticString(sample.index > 0 ? ",{" : "{")
            buffer.writeMember("object", "embedding", isFirst: true)
            buffer.writeMember("index", sample.index)
            buffer.writeStaticString(",\"embedding\":")
            let vector = vector(of: sample, dimensions: answer.request.dimensions)
            if answer.request.usesBase64 {
                writeBase64(vector, into: &buffer)
            } else {
                writeNumbers(vector, into: &buffer)
            }
            buffer.writeStaticString("}")
        }
        buffer.writeStaticString("]")
        buffer.writeMember("model", answer.request.model)
        let tokens = answer.promptTokens
        buffer.writeStaticString(",\"usage\":{")
        buffer.writeMember("prompt_tokens", tokens, isFirst: true)
        buffer.writeMember("total_tokens", tokens)
        buffer.writeMember("completion_tokens", 0)
        buffer.writeStaticString(",\"prompt_tokens_details\":{")
        buffer.writeMember("cached_tokens", answer.cachedTokens, isFirst: true)
        buffer.writeStaticString("}}}")
    }

    private func vector(of sample: Answer.Sample, dimensions: Int) -> [Float] {
        var state = sample.prompt.hasher.digest
        var vector: [Float] = []
        for _ in 0..<dimensions {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            vector.append(Float(Int64(state >> 40) - (1 << 23)) / Float(1 << 23))
        }
        let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return length == 0 ? vector : vector.map { $0 / length }
    }

    private func writeNumbers(_ vector: [Float], into buffer: inout ByteBuffer) {
        buffer.writeStaticString("[")
        for (position, number) in vector.enumerated() {
            if position > 0 { buffer.writeStaticString(",") }
            buffer.writeString("\(number)")
        }
        buffer.writeStaticString("]")
    }

    private func writeBase64(_ vector: [Float], into buffer: inout ByteBuffer) {
        var bytes = ByteBuffer()
        for number in vector { bytes.writeInteger(number.bitPattern, endianness: .little) }
        buffer.writeStaticString("\"")
        buffer.writeString(base64(bytes.readableBytesView))
        buffer.writeStaticString("\"")
    }

    /// Encodes bytes as base64 (RFC 4648) with padding.
    private func base64(_ bytes: some Collection<UInt8>) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let group = Array(rest.prefix(3))
            rest = rest.dropFirst(3)
            let bits = group.enumerated().reduce(UInt32(0)) { $0 | UInt32($1.element) << (16 - 8 * UInt32($1.offset)) }
            for position in 0..<4 {
                let digit = alphabet[Int(bits >> (18 - 6 * UInt32(position))) & 63]
                text.append(position <= group.count ? digit : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
