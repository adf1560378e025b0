import SignalboxProtocol

/// What answers tell of their tokens.
extension ProxyEngine {
    /// Content of an answer has come and more follows: its end is kept, as far as usage may stand there.
    mutating func keepTail(_ client: ConnectionID, _ bytes: borrowing Span<UInt8>, _ range: Range<Int>) {
        guard clients.slots[client.index].notes.tellsUsage else { return }
        let most = TokenUsage.tailBytes
        if clients.slots[client.index].tail.capacity == 0 { clients.slots[client.index].tail = takeBuffer() }
        if range.count >= most {
            clients.slots[client.index].tail.clear()
        } else if clients.slots[client.index].tail.count > most {
            clients.slots[client.index].tail.removeFirst(clients.slots[client.index].tail.count - (most - range.count))
        }
        let start = max(range.lowerBound, range.upperBound - most)
        clients.slots[client.index].tail.append(bytes.extracting(start..<range.upperBound))
        readUsageOfBeginning(client, bytes, range)
    }

    /// Streams of the Anthropic API tell the tokens of the prompt in their first event, which a long stream leaves behind.
    private mutating func readUsageOfBeginning(
        _ client: ConnectionID,
        _ bytes: borrowing Span<UInt8>,
        _ range: Range<Int>
    ) {
        guard clients.slots[client.index].request.metricsRoute == .messages,
            clients.slots[client.index].notes.usage.cachedTokens == nil
        else { return }
        let before = clients.slots[client.index].notes.answerBytes - range.count
        guard before < TokenUsage.beginningBytes else { return }
        if before == 0 {
            let end = min(range.upperBound, range.lowerBound + TokenUsage.beginningBytes)
            clients.slots[client.index].notes.usage.read(bytes.extracting(range.lowerBound..<end))
        } else {
            let tail = clients.slots[client.index].tail
            clients.slots[client.index].notes.usage.read(tail.storage.span)
        }
    }

    /// The last content of an answer has come: its usage is read and counted.
    mutating func readUsage(_ client: ConnectionID, _ bytes: borrowing Span<UInt8>, last range: Range<Int>) {
        guard clients.slots[client.index].notes.tellsUsage else { return }
        if clients.slots[client.index].tail.isEmpty {
            readUsageOfBeginning(client, bytes, range)
            let start = max(range.lowerBound, range.upperBound - TokenUsage.tailBytes)
            clients.slots[client.index].notes.usage.read(bytes.extracting(start..<range.upperBound))
        } else {
            keepTail(client, bytes, range)
            let tail = clients.slots[client.index].tail
            clients.slots[client.index].notes.usage.read(tail.storage.span)
        }
        count(clients.slots[client.index].notes)
    }

    /// The connection has ended, and with it an answer that told no length.
    mutating func readUsageOfTail(_ client: ConnectionID) {
        guard clients.slots[client.index].notes.tellsUsage else { return }
        let tail = clients.slots[client.index].tail
        guard !tail.isEmpty else { return }
        clients.slots[client.index].notes.usage.read(tail.storage.span)
        count(clients.slots[client.index].notes)
    }

    private func count(_ notes: RequestNotes) {
        let usage = notes.usage
        if let prompt = usage.promptTokens {
            count(.prompt, prompt)
            if let text = notes.prompt { text.group.learn(promptBytes: text.bytes, promptTokens: prompt) }
        }
        if let completion = usage.completionTokens { count(.completion, completion) }
        if let cached = usage.cachedTokens { count(.cached, cached) }
        // Many workers do not tell what was cached.
        guard let permille = notes.predictedPermille, let prompt = usage.promptTokens,
            let cached = usage.cachedTokens
        else { return }
        count(.predicted, prompt * permille / 1000)
        count(.predictable, cached)
    }

    private func count(_ kind: MetricsLayout.Tokens, _ tokens: Int) {
        counters.metrics.count(MetricsLayout.tokens + kind.rawValue, by: tokens)
    }
}
