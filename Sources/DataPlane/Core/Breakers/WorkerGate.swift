/// What a pick sees of a worker's breaker, in one word that all threads share.
struct WorkerGate: RawRepresentable, Hashable, Sendable {
    /// When positive, the time until which the breaker is open, in milliseconds.
    let rawValue: Int

    init(rawValue: Int) {
        self.rawValue = rawValue
    }

    /// No failure is remembered.
    static let clear = WorkerGate(rawValue: 0)
    /// Closed, but failures are remembered, so that a success must be told.
    static let watched = WorkerGate(rawValue: -1)
    /// Trials may begin.
    static let halfOpen = WorkerGate(rawValue: -2)
    /// As many trials run as may.
    static let full = WorkerGate(rawValue: -3)

    static func open(until time: MonotonicTime) -> WorkerGate {
        WorkerGate(rawValue: max(1, time.milliseconds))
    }

    /// Whether a request may be let through, as far as this word tells.
    @inline(__always)
    func admits(at now: MonotonicTime) -> Bool {
        if rawValue <= 0 { return rawValue != WorkerGate.full.rawValue }
        return rawValue <= now.milliseconds
    }

    /// Whether the breaker itself must be asked before a request is let through.
    @inline(__always)
    var needsTrial: Bool { rawValue != WorkerGate.clear.rawValue && rawValue != WorkerGate.watched.rawValue }
}
