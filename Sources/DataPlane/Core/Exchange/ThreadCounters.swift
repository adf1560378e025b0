public import Synchronization

/// What one thread of a data plane counts, read by others for heartbeats and metrics.
public final class ThreadCounters: Sendable {
    /// Requests between their accepted head and their end.
    public let inFlight = Atomic<Int>(0)
    /// Open client connections.
    public let connections = Atomic<Int>(0)
    /// Requests begun.
    public let requests = Atomic<UInt64>(0)

    public init() {}
}
