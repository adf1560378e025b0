public import SignalboxProtocol

/// What is to be done now about a worker that drains (requirement: removed when in-flight is 0 on *all* data planes).
public enum DrainStep: Hashable, Sendable {
    /// Nothing before this time, in milliseconds since 1970, unless a data plane has news.
    case wait(until: Int64)
    /// Its time is over: what it still does is to be cut.
    case cut
    /// It has nothing to do any more, or what it has cannot be ended. With one sentence for the audit trail.
    case remove(reason: String)

    /// How long data planes may take to cut what a worker does before it is removed nevertheless.
    static let cutMilliseconds: Int64 = 5_000
    /// How often a data plane that has fallen silent is looked at: its process may have ended without a word.
    static let silentMilliseconds: Int64 = 1_000

    /// Decides.
    ///
    /// - Parameters:
    ///   - planes: every data plane that may still have requests: connected ones, and those that have fallen silent and
    ///     live.
    ///   - settledAt: until then data planes of an earlier run of the control plane may not have connected again.
    public init(
        _ incarnation: IncarnationID,
        _ drain: WorkerDrain,
        epoch: Epoch,
        planes: [DataPlaneTraffic],
        settledAt: Int64,
        at now: Int64
    ) {
        let required = SnapshotVersion(epoch: epoch, sequence: drain.sequence)
        let open = planes.filter { !$0.hasDrained(incarnation, since: required) }
        let hasSettled = !planes.isEmpty || now >= settledAt
        if open.isEmpty && hasSettled {
            self = .remove(reason: planes.isEmpty ? "no data plane has requests" : "no requests were left")
        } else if let cutAt = drain.cutAt {
            let end = cutAt + DrainStep.cutMilliseconds
            self = now >= end ? .remove(reason: DrainStep.unfinished(open)) : .wait(until: end)
        } else if now >= drain.deadline {
            self = .cut
        } else if open.isEmpty {
            self = .wait(until: min(settledAt, drain.deadline))
        } else {
            let isAnySilent = open.contains { !$0.isConnected }
            self = .wait(until: isAnySilent ? min(now + DrainStep.silentMilliseconds, drain.deadline) : drain.deadline)
        }
    }

    private static func unfinished(_ planes: [DataPlaneTraffic]) -> String {
        "its time was over, though not heard of: " + planes.map(\.id).sorted().joined(separator: ", ")
    }
}
