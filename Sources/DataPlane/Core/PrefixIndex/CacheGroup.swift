import Synchronization

/// The caches of the workers of one model, as far as age goes: a block's age is the number of blocks that have come into
/// those caches since it was used. Models that share a prefix index age apart.
final class CacheGroup: Sendable {
    /// Names the group to other data planes.
    let seed: UInt64
    /// Its number in the prefix index.
    let number: UInt16
    private let clock: Clock
    private let freshMax = Atomic<UInt32>(.max)
    /// Tokens of all caches together; 0: not known.
    private let freshTokens = Atomic<Int>(0)
    /// In thousandths.
    private let bytesPerTokenMilli = Atomic<Int>(4_000)
    private let late: LateReuses

    /// Prompts of fewer bytes say more of what the worker puts around them.
    private static let learnedBytesMin = 2_048
    /// More bytes for a token are no text.
    private static let bytesPerTokenRange = 1_000...10_000
    /// The weight of one answer: some hundred make the ratio their own.
    private static let answersWeight = 64
    /// Late reuses lose this share with each such share of a turnover.
    private static let turnoverParts = 16
    private static let lateReuseUnit = 1_024

    /// Counts blocks that have come.
    private final class Clock: Sendable {
        let blocks = Atomic<UInt32>(0)
    }

    /// Late reuses of the last turnover of the caches or so. Written often, and so apart from what every lookup reads.
    private final class LateReuses: Sendable {
        /// Each as ``lateReuseUnit``.
        let units = Atomic<Int>(0)
        /// The stamp at which they were last made fewer.
        let stamp = Atomic<UInt32>(0)
    }

    /// - Parameter former: the group in which the model's blocks were so far: they go on ageing as they did.
    init(seed: UInt64, number: UInt16 = 0, following former: CacheGroup? = nil) {
        self.seed = seed
        self.number = number
        clock = former?.clock ?? Clock()
        late = former?.late ?? LateReuses()
        if let former {
            bytesPerTokenMilli.store(former.bytesPerTokenMilli.load(ordering: .relaxed), ordering: .relaxed)
        }
    }

    /// How many blocks all caches of the group hold together; older ones have left them.
    var freshBlocks: Int {
        get { Int(freshMax.load(ordering: .relaxed)) }
        set { freshMax.store(UInt32(clamping: max(1, newValue)), ordering: .relaxed) }
    }

    /// Bytes of routing text for one token of a prompt, as answers have told; 4 at first.
    var bytesPerToken: Double { Double(bytesPerTokenMilli.load(ordering: .relaxed)) / 1_000 }

    /// All caches of the group hold so many tokens: older blocks have left them, whatever a token turns out to be.
    func hold(tokens: Double) {
        freshTokens.store(Int(min(max(0, tokens), 1e15)), ordering: .relaxed)
        countFresh()
    }

    private func countFresh() {
        let tokens = Double(freshTokens.load(ordering: .relaxed))
        guard tokens > 0 else { return }
        freshBlocks = Int(min(tokens * bytesPerToken / Double(BlockHasher.blockBytes), Double(UInt32.max)))
    }

    /// A worker has told how many tokens a prompt of so much routing text had.
    ///
    /// Two threads at once may lose one of their answers.
    func learn(promptBytes: Int, promptTokens: Int) {
        guard promptBytes >= CacheGroup.learnedBytesMin, promptTokens > 0 else { return }
        let told = promptBytes * 1_000 / promptTokens
        guard CacheGroup.bytesPerTokenRange.contains(told) else { return }
        let known = bytesPerTokenMilli.load(ordering: .relaxed)
        let step = (told - known) / CacheGroup.answersWeight
        bytesPerTokenMilli.store(known + (step == 0 ? (told - known).signum() : step), ordering: .relaxed)
        countFresh()
    }

    /// A block with this stamp is used once more. That is late when its age is about all that the caches hold, between half of it
    /// and half more.
    @inline(__always)
    func noteReuse(of stamp: UInt32) {
        let most = freshMax.load(ordering: .relaxed)
        let age = age(of: stamp)
        guard age > most / 2, age - most / 2 <= most else { return }
        forgetLateReuses()
        late.units.wrappingAdd(CacheGroup.lateReuseUnit, ordering: .relaxed)
    }

    /// Late reuses for each block that has come, over the last turnover of the caches or so: how many blocks are missed later
    /// for one that is driven out. About 0 where everything fits, or nothing comes again; at most 1, whatever becomes of the
    /// number of caches meanwhile.
    var lateReuse: Double {
        forgetLateReuses()
        let reuses = Double(late.units.load(ordering: .relaxed)) / Double(CacheGroup.lateReuseUnit)
        return min(1, max(0, reuses / Double(freshBlocks)))
    }

    /// Late reuses become fewer with the blocks that have come since; one thread does it for all.
    private func forgetLateReuses() {
        let stamp = late.stamp.load(ordering: .acquiring)
        let passed = now &- stamp
        let part = UInt32(clamping: max(1, freshBlocks / CacheGroup.turnoverParts))
        // More than half of the clock: another thread was here in between.
        guard passed >= part, passed <= UInt32.max / 2 else { return }
        let parts = passed / part
        let (isMine, _) = late.stamp.compareExchange(
            expected: stamp,
            desired: stamp &+ parts * part,
            ordering: .acquiringAndReleasing
        )
        guard isMine else { return }
        let before = late.units.load(ordering: .relaxed)
        var after = before
        // After several turnovers nothing is left.
        for _ in 0..<min(Int(parts), 8 * CacheGroup.turnoverParts) { after -= after / CacheGroup.turnoverParts }
        late.units.wrappingSubtract(before - after, ordering: .relaxed)
    }

    /// The stamp of a block that is used now.
    @inline(__always)
    var now: UInt32 { clock.blocks.load(ordering: .relaxed) }

    /// A block has come into a cache.
    ///
    /// - Returns: the stamp of that block.
    @inline(__always)
    func advance() -> UInt32 { clock.blocks.wrappingAdd(1, ordering: .relaxed).newValue }

    /// Blocks that have come since `stamp`; the clock goes round after four thousand million of them.
    @inline(__always)
    func age(of stamp: UInt32) -> UInt32 { now &- stamp }

    /// Whether a block with this stamp is still in the cache of a worker that was sent it.
    @inline(__always)
    func isFresh(_ stamp: UInt32) -> Bool { age(of: stamp) <= freshMax.load(ordering: .relaxed) }
}
