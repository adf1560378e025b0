public import Synchronization

/// What one thread of a data plane counts, read by others for heartbeats, budgets and metrics.
///
/// Only the thread itself writes, so that no count costs a locked instruction.
public final class ThreadCounters: Sendable {
    /// Keeps the counters of two threads out of one cache line.
    private let before = InlineArray<16, UInt64>(repeating: 0)

    /// Requests between their accepted head and their end.
    public let inFlight = Atomic<Int>(0)
    /// Requests that wait for a worker.
    public let waiting = Atomic<Int>(0)
    /// Since when the first of those waits that the end of another request may help, in milliseconds; 0: there is none.
    public let waitingSince = Atomic<Int>(0)
    /// Open client connections.
    public let connections = Atomic<Int>(0)
    /// Requests begun.
    public let requests = Atomic<Int>(0)
    /// Bytes that arrived and wait to be read as requests or answers.
    public let inputBytes = Atomic<Int>(0)
    /// Bytes of request bodies in memory.
    public let bodyBytes = Atomic<Int>(0)
    /// Bytes that the kernel has not taken yet.
    public let unsentBytes = Atomic<Int>(0)
    /// Bytes of request bodies in temporary files.
    public let spooledBytes = Atomic<Int>(0)
    /// Open connections to workers and to the control plane.
    public let upstreams = Atomic<Int>(0)
    /// Connections to workers that wait for a request.
    public let idleUpstreams = Atomic<Int>(0)

    private let after = InlineArray<16, UInt64>(repeating: 0)

    /// The number of the thread, from 0 on.
    public let thread: Int
    /// What is counted for metrics.
    public let metrics: MetricCells

    /// Where requests that have ended are left for the access log; nil without one.
    let accessRing: AccessRing?

    public init(thread: Int = 0, metrics: MetricCells = MetricCells(), accessRing: AccessRing? = nil) {
        self.thread = thread
        self.metrics = metrics
        self.accessRing = accessRing
    }

    /// Bytes in memory that the buffer budget counts.
    public var bufferBytes: Int {
        inputBytes.load(ordering: .relaxed) + bodyBytes.load(ordering: .relaxed)
            + unsentBytes.load(ordering: .relaxed)
    }
}

extension Atomic where Value == Int {
    /// Adds without a locked instruction; to be called by the one thread that writes the counter.
    func count(_ difference: Int) {
        store(load(ordering: .relaxed) &+ difference, ordering: .relaxed)
    }
}
