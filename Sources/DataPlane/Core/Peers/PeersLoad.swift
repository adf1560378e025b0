/// What all other data planes have at a worker.
struct PeersLoad: Equatable {
    var inFlight = 0
    /// Prefill work without its first token, in tokens.
    var pendingTokens = 0
    /// Since when the worker has computed at the first of it; nil when nothing is pending.
    var since: MonotonicTime?
}
