import SignalboxProtocol

/// What policies look at of a request, and what they are told of its course.
extension ProxyEngine {
    /// Gathers what the pool's policy needs to know of a request; nothing where it needs nothing.
    mutating func gather(_ id: ConnectionID, _ pool: Int) {
        let needs = table.pools[pool].policy.needs
        guard !needs.isEmpty else { return }
        facts.clear()
        if needs.contains(.key) {
            let keys = clients.slots[id.index].request.keys
            (facts.target, facts.key, facts.isExplicitKey) = (keys.target, keys.key, keys.isExplicit)
        }
        guard needs.contains(.text) || needs.contains(.blocks) else { return }
        if clients.slots[id.index].bodyUse != .spool, clients.slots[id.index].request.content.isUnread {
            readBodyNow(id)
        }
        guard let found = clients.slots[id.index].request.content.found.text else { return }
        let body = clients.slots[id.index].request.body
        let range = found.range.clamped(to: 0..<body.count)
        facts.textBytes = range.count
        let span = body.storage.span
        if needs.contains(.blocks) {
            facts.bytesPerToken = table.pools[pool].cacheGroup.bytesPerToken
            let scan = clients.slots[id.index].request.content.found
            // Of a body that waits in a file neither is here.
            func held(_ name: Range<Int>?) -> Range<Int>? { name.flatMap { $0.upperBound <= body.count ? $0 : nil } }
            let seed = BlockHasher.seed(span, model: held(scan.model), adapter: held(scan.adapter))
            BlockHasher.hash(span, range, seed: seed, into: &facts.blocks)
        }
        if needs.contains(.text) {
            RoutingTextReader.append(span, range, isMessages: found.source == .messages, to: &facts.text)
        }
    }

    /// The request is placed: the policy remembers it, and its work counts until its first token.
    mutating func note(_ id: ConnectionID, _ index: Int, _ pool: Int, at now: MonotonicTime) {
        let worker = table.workers[index]
        let tokens = table.pools[pool].policy.placed(worker, facts, outbox, at: now)
        guard tokens > 0 else { return }
        notePrompt(id, pool)
        let slot = worker.lease.slot
        let isAlone = loads.pendingTokens(slot: slot) == 0
        loads.addPending(tokens, slot: slot, at: now)
        clients.slots[id.index].work = PlacedWork(slot: slot, tokens: tokens, placedAt: now, isAlone: isAlone)
    }

    /// Remembers how much text the prompt has, where nearly all of the body is text of one prompt: an answer to several tells
    /// the tokens of one, and tools or instructions are in the prompt and not in the routing text.
    private mutating func notePrompt(_ id: ConnectionID, _ pool: Int) {
        let request = clients.slots[id.index].request
        guard clients.slots[id.index].bodyUse == .hold, facts.textBytes * 5 >= request.body.count * 4,
            let text = request.content.found.text, text.range.lowerBound < request.body.count
        else { return }
        // Whether tokens from a cache are among those of the prompt differs between servers of the Anthropic API.
        guard request.metricsRoute != .messages else { return }
        let isList = request.body.storage.span[text.range.lowerBound] == UInt8(ascii: "[")
        guard !isList || text.source == .messages else { return }
        let group = table.pools[pool].cacheGroup
        clients.slots[id.index].notes.prompt = RequestNotes.Prompt(group: group, bytes: facts.textBytes)
    }

    /// The first token has come, or never will.
    ///
    /// - Parameters:
    ///   - now: when it came; nil when it never will.
    ///   - isStream: only of a stream the first byte says when the prompt was computed.
    mutating func settleWork(_ id: ConnectionID, at now: MonotonicTime?, isStream: Bool = false) {
        guard let work = clients.slots[id.index].work else { return }
        clients.slots[id.index].work = nil
        loads.addPending(-work.tokens, slot: work.slot, at: now)
        guard let now, isStream, work.isAlone else { return }
        loads.learnRate(
            tokens: work.tokens,
            milliseconds: now.milliseconds - work.placedAt.milliseconds,
            slot: work.slot
        )
    }
}
