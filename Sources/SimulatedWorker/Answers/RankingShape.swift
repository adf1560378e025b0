import NIOCore

/// SGLang's reranking: a list with a score for each document, the best first.
struct RankingShape: AnswerShape {
    func writeWhole(_ answer: Answer, into buffer: inout ByteBuffer) {
        let scored = answer.samples.map { (score: score(of: $0), sample: $0) }
        buffer.writeStaticString("[")
        for (rank, entry) in scored.sorted(by: { $0.score > $1.score }).enumerated() {
            buffer.writeStaticString(rank > 0 ? ",{" : "{")
            buffer.writeMember("score", entry.score, isFirst: true)
            buffer.writeMember("document", answer.request.documents[entry.sample.index])
            buffer.writeMember("index", entry.sample.index)
            buffer.writeStaticString(",\"meta_info\":{")
            buffer.writeMember("id", answer.id, isFirst: true)
            buffer.writeMember("prompt_tokens", entry.sample.prompt.tokens)
            buffer.writeMember("cached_tokens", entry.sample.cachedTokens)
            buffer.writeStaticString("}}")
        }
        buffer.writeStaticString("]")
    }

    /// A number from 0 to 1 that depends only on query and document.
    private func score(of sample: Answer.Sample) -> Double {
        Double(sample.prompt.hasher.digest % 10_000) / 10_000
    }
}
