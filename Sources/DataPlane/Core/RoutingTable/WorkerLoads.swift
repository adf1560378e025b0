import Synchronization

/// The requests in flight per worker and whether its breaker lets requests through, shared by all threads of a data plane:
/// a few words a slot, on cache lines of their own.
///
/// `@unchecked`: the memory behind `memory` is only touched through atomics, and `open` precedes every other use.
/// Slots are handed out by the thread that compiles routing tables; every other thread only counts.
@safe
public final class WorkerLoads: @unchecked Sendable {
    /// Two cache lines, so that neighbours do not slow one another down (adjacent-line prefetch).
    private static let strideBytes = 128

    /// Work is overdue when it has taken so many times as long as expected, and so many seconds more: what peers tell is late,
    /// and rates are guesses.
    private static let overdueFactor = 3.0
    private static let overdueSeconds = 1.0

    /// Fewest tokens of a request that tells how fast a worker computes prompts.
    private static let rateTokensMin = 1_000

    /// What a slot holds.
    private struct Slot: ~Copyable {
        let inFlight = Atomic<Int>(0)
        let gate = Atomic<Int>(WorkerGate.clear.rawValue)
        /// The most requests in flight that the worker's latency bears; 0: not known.
        let learnedMax = Atomic<Int>(0)
        /// Requests that have ended in the present window, and how long they took together.
        let ended = Atomic<Int>(0)
        let endedMilliseconds = Atomic<Int>(0)
        /// Prefill work that was sent and has not shown its first token, in tokens.
        let pendingTokens = Atomic<Int>(0)
        /// When the worker began with the first of that work, in milliseconds.
        let prefillingSince = Atomic<Int>(0)
        /// Prefill tokens per second, as the worker has shown; 0: not known.
        let tokensPerSecond = Atomic<Int>(0)
        /// Those of them whose clients did not wait for the answer.
        let abandoned = Atomic<Int>(0)
        /// What other data planes have at the worker, as they last said.
        let peersInFlight = Atomic<Int>(0)
        let peersPendingTokens = Atomic<Int>(0)
        let peersPrefillingSince = Atomic<Int>(0)
        /// Tokens in work as the worker last told, the requests of all data planes that were in flight then, and until when
        /// that may be used, in milliseconds; 0: it has told nothing.
        let toldTokens = Atomic<Int>(0)
        let toldInFlight = Atomic<Int>(0)
        let toldUntil = Atomic<Int>(0)
        /// When the worker last sent something, in milliseconds; 0: never.
        let heardAt = Atomic<Int>(0)
    }

    /// Most tokens that a worker is believed to have in work, so that no sum overflows.
    private static let toldTokensMax = 1 << 32
    /// Tokens that a request counts at least which came after the worker last told its load.
    private static let untoldTokensMin = 512

    /// By how much all that is known of the loads is too little, because other data planes are not heard; 1: by nothing.
    private let unheard = Atomic<Int>(1)
    private let heardPeers = Atomic<Int>(0)

    private let memory: UnsafeMutableRawPointer
    public let slotsMax: Int

    /// Reserves address space for `slotsMax` counters; a page takes memory when its first slot is opened.
    public init(slotsMax: Int) {
        precondition(slotsMax > 0, "slotsMax must be positive, is \(slotsMax)")
        precondition(MemoryLayout<Slot>.stride <= WorkerLoads.strideBytes, "a slot does not fit into its cache lines")
        self.slotsMax = slotsMax
        unsafe memory = UnsafeMutableRawPointer.allocate(
            byteCount: slotsMax * WorkerLoads.strideBytes,
            alignment: WorkerLoads.strideBytes
        )
    }

    deinit {
        unsafe memory.deallocate()
    }

    /// How many times as much as is known there is at the workers, about, when most other data planes are not heard; 1: they are.
    @inline(__always)
    var unheardFactor: Int { unheard.load(ordering: .relaxed) }

    /// Other data planes that are heard.
    var peersHeard: Int { heardPeers.load(ordering: .relaxed) }

    /// Other data planes that are heard, and those that exist and are not.
    public func setPeers(heard: Int, silent: Int) {
        heardPeers.store(heard, ordering: .relaxed)
        // What the heard ones tell is most of the truth while they are most.
        unheard.store(silent > heard ? (heard + silent + 1) / (heard + 1) : 1, ordering: .relaxed)
    }

    /// Makes a slot ready for use. Called before any thread can see its number.
    func open(slot: Int) {
        unsafe pointer(slot).initialize(to: Slot())
    }

    public func increment(slot: Int) {
        unsafe pointer(slot).pointee.inFlight.add(1, ordering: .relaxed)
    }

    /// Counts one more request, unless there are `max` already.
    func increment(slot: Int, max: Int) -> Bool {
        let (old, _) = unsafe pointer(slot).pointee.inFlight.add(1, ordering: .relaxed)
        guard old >= max else { return true }
        unsafe pointer(slot).pointee.inFlight.subtract(1, ordering: .relaxed)
        return false
    }

    public func decrement(slot: Int) {
        let (old, _) = unsafe pointer(slot).pointee.inFlight.subtract(1, ordering: .relaxed)
        precondition(old > 0, "slot \(slot) has fewer than no requests in flight")
    }

    /// Requests of this data plane.
    @inline(__always)
    public func inFlight(slot: Int) -> Int {
        unsafe pointer(slot).pointee.inFlight.load(ordering: .relaxed)
    }

    /// Requests of all data planes: exact for this one, as they last said for the others.
    @inline(__always)
    func fleetInFlight(slot: Int) -> Int {
        unsafe inFlight(slot: slot) + pointer(slot).pointee.peersInFlight.load(ordering: .relaxed)
    }

    /// Requests of other data planes, as they last said.
    @inline(__always)
    func peersInFlight(slot: Int) -> Int {
        unsafe pointer(slot).pointee.peersInFlight.load(ordering: .relaxed)
    }

    /// What all other data planes have at the worker, as is known at `now`.
    func setPeers(_ load: PeersLoad, slot: Int, at now: MonotonicTime) {
        unsafe pointer(slot).pointee.peersInFlight.store(load.inFlight, ordering: .relaxed)
        let before = unsafe pointer(slot).pointee.peersPendingTokens.exchange(load.pendingTokens, ordering: .relaxed)
        if load.pendingTokens < before {
            // Another one has seen a first token: the worker has turned to the next request, which may be one of these.
            unsafe pointer(slot).pointee.prefillingSince.store(now.milliseconds, ordering: .relaxed)
        }
        unsafe pointer(slot).pointee.peersPrefillingSince.store(load.since?.milliseconds ?? 0, ordering: .relaxed)
    }

    /// What this data plane alone has at the worker.
    func ownLoad(slot: Int) -> PeersLoad {
        let pending = unsafe max(0, pointer(slot).pointee.pendingTokens.load(ordering: .relaxed))
        let since = unsafe pointer(slot).pointee.prefillingSince.load(ordering: .relaxed)
        return PeersLoad(
            inFlight: inFlight(slot: slot),
            pendingTokens: pending,
            since: pending > 0 ? MonotonicTime(milliseconds: since) : nil
        )
    }

    /// The worker has sent something; told roughly, so that a stream writes a word that all threads share only now and then.
    @inline(__always)
    func noteHeard(slot: Int, at now: MonotonicTime) {
        guard now.milliseconds - heardAt(slot: slot).milliseconds >= 100 else { return }
        unsafe pointer(slot).pointee.heardAt.store(now.milliseconds, ordering: .relaxed)
    }

    /// When the worker last sent something to any thread, to a tenth of a second.
    @inline(__always)
    func heardAt(slot: Int) -> MonotonicTime {
        MonotonicTime(milliseconds: unsafe pointer(slot).pointee.heardAt.load(ordering: .relaxed))
    }

    @inline(__always)
    func gate(slot: Int) -> WorkerGate {
        WorkerGate(rawValue: unsafe pointer(slot).pointee.gate.load(ordering: .relaxed))
    }

    func setGate(_ gate: WorkerGate, slot: Int) {
        unsafe pointer(slot).pointee.gate.store(gate.rawValue, ordering: .relaxed)
    }

    /// Prefill work that was sent by any data plane and has not shown its first token, in tokens.
    @inline(__always)
    func pendingTokens(slot: Int) -> Int {
        let own = unsafe max(0, pointer(slot).pointee.pendingTokens.load(ordering: .relaxed))
        return unsafe own + pointer(slot).pointee.peersPendingTokens.load(ordering: .relaxed)
    }

    /// Work was sent to the worker, or has shown its first token, or is given up (then `tokens` is negative, and `now` nil).
    func addPending(_ tokens: Int, slot: Int, at now: MonotonicTime?) {
        let (old, _) = unsafe pointer(slot).pointee.pendingTokens.add(tokens, ordering: .relaxed)
        // It begins with what came to an idle worker, and with the next one at each first token.
        let isIdle = unsafe old <= 0 && pointer(slot).pointee.peersPendingTokens.load(ordering: .relaxed) == 0
        if let now, isIdle || tokens < 0 {
            unsafe pointer(slot).pointee.prefillingSince.store(now.milliseconds, ordering: .relaxed)
        }
    }

    /// The work that is left of ``pendingTokens(slot:)`` when the worker has computed at `rate` tokens per second; never less
    /// than a tenth, because it may be slower. What is long overdue is expected to take as long again: a worker that does
    /// not answer at all must not seem idle.
    @inline(__always)
    func remainingTokens(slot: Int, rate: Double, at now: MonotonicTime) -> Double {
        let pending = Double(pendingTokens(slot: slot))
        let own = unsafe pointer(slot).pointee.prefillingSince.load(ordering: .relaxed)
        let since = unsafe max(own, pointer(slot).pointee.peersPrefillingSince.load(ordering: .relaxed))
        let computed = Double(max(0, now.milliseconds - since)) / 1000 * rate
        guard pending > 0 else { return 0 }
        let overdue = computed - WorkerLoads.overdueFactor * pending - WorkerLoads.overdueSeconds * rate
        return max(pending / 10, pending - computed, overdue)
    }

    /// Prefill tokens per second, as the worker has shown; 0: not known.
    @inline(__always)
    func tokensPerSecond(slot: Int) -> Int {
        unsafe pointer(slot).pointee.tokensPerSecond.load(ordering: .relaxed)
    }

    /// A request that found nothing waiting showed its first token after `milliseconds`.
    func learnRate(tokens: Int, milliseconds: Int, slot: Int) {
        // Of a few tokens the time is mostly something else.
        guard tokens >= WorkerLoads.rateTokensMin else { return }
        let shown = min(tokens * 1000 / max(1, milliseconds), 10_000_000)
        let known = tokensPerSecond(slot: slot)
        let rate = known == 0 ? shown : (known * 9 + shown) / 10
        unsafe pointer(slot).pointee.tokensPerSecond.store(max(1, rate), ordering: .relaxed)
    }

    /// The worker has told its load.
    func setTold(_ tokens: Int, slot: Int, until: MonotonicTime) {
        unsafe pointer(slot).pointee.toldTokens.store(min(tokens, WorkerLoads.toldTokensMax), ordering: .relaxed)
        unsafe pointer(slot).pointee.toldInFlight.store(fleetInFlight(slot: slot), ordering: .relaxed)
        unsafe pointer(slot).pointee.toldUntil.store(until.milliseconds, ordering: .relaxed)
    }

    /// Whether the worker has told its load lately.
    @inline(__always)
    func isTold(slot: Int, at now: MonotonicTime) -> Bool {
        unsafe pointer(slot).pointee.toldUntil.load(ordering: .relaxed) > now.milliseconds
    }

    /// Tokens in work at the worker: as it last told, and what came and went since, each request counted as the mean of those
    /// that were there then. Otherwise all requests between two answers would go to the worker that had least at the first.
    /// Nil when it has told nothing lately.
    @inline(__always)
    func toldTokens(slot: Int, at now: MonotonicTime) -> Int? {
        guard isTold(slot: slot, at: now) else { return nil }
        let tokens = unsafe pointer(slot).pointee.toldTokens.load(ordering: .relaxed)
        let inFlight = unsafe pointer(slot).pointee.toldInFlight.load(ordering: .relaxed)
        let mean = max(tokens / max(1, inFlight), WorkerLoads.untoldTokensMin)
        return max(0, tokens + (fleetInFlight(slot: slot) - inFlight) * mean)
    }

    /// The slot gets another worker.
    func forgetRate(slot: Int) {
        setTold(0, slot: slot, until: MonotonicTime(milliseconds: 0))
        unsafe pointer(slot).pointee.heardAt.store(0, ordering: .relaxed)
        unsafe pointer(slot).pointee.tokensPerSecond.store(0, ordering: .relaxed)
        unsafe pointer(slot).pointee.pendingTokens.store(0, ordering: .relaxed)
        unsafe pointer(slot).pointee.peersInFlight.store(0, ordering: .relaxed)
        unsafe pointer(slot).pointee.peersPendingTokens.store(0, ordering: .relaxed)
    }

    /// The most requests in flight that the worker's latency bears; 0: not known.
    @inline(__always)
    func learnedMax(slot: Int) -> Int {
        unsafe pointer(slot).pointee.learnedMax.load(ordering: .relaxed)
    }

    func setLearnedMax(_ max: Int, slot: Int) {
        unsafe pointer(slot).pointee.learnedMax.store(max, ordering: .relaxed)
    }

    /// Adds a request to the present window of its worker; it was abandoned when its client did not wait for the answer.
    ///
    /// - Parameters:
    ///   - windowRequests: how many make a window.
    ///   - leaversMax: so many abandoned ones make one too, when they are a part of it that counts.
    /// - Returns: what the window holds, when this request completes it; the next one begins then.
    func addDuration(
        _ milliseconds: Int,
        slot: Int,
        isAbandoned: Bool = false,
        windowRequests: Int,
        leaversMax: Int
    ) -> (requests: Int, abandoned: Int, milliseconds: Int)? {
        unsafe pointer(slot).pointee.endedMilliseconds.add(milliseconds, ordering: .relaxed)
        let left = unsafe isAbandoned ? pointer(slot).pointee.abandoned.add(1, ordering: .relaxed).newValue : 0
        let (_, ended) = unsafe pointer(slot).pointee.ended.add(1, ordering: .relaxed)
        let isLeft = left >= leaversMax && DurationWindow.isAbandoned(left, of: ended)
        guard ended >= windowRequests || isLeft else { return nil }
        let requests = unsafe pointer(slot).pointee.ended.exchange(0, ordering: .relaxed)
        let total = unsafe pointer(slot).pointee.endedMilliseconds.exchange(0, ordering: .relaxed)
        let abandoned = unsafe pointer(slot).pointee.abandoned.exchange(0, ordering: .relaxed)
        // Another thread may have been faster.
        return requests > 0 ? (requests, min(abandoned, requests), total) : nil
    }

    private func pointer(_ slot: Int) -> UnsafeMutablePointer<Slot> {
        precondition(slot >= 0 && slot < slotsMax, "there is no slot \(slot)")
        return unsafe (memory + slot * WorkerLoads.strideBytes).assumingMemoryBound(to: Slot.self)
    }
}
