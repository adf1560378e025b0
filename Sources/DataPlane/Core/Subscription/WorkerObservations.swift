public import SignalboxProtocol

/// What was last observed of each worker, as a value.
///
/// A control plane that has just started says nothing of workers that it has not probed itself yet: of these, what an earlier
/// run observed still counts, or what this data plane found out while nobody spoke (architecture section 3).
public struct WorkerObservations: Sendable {
    private var known: [IncarnationID: WorkerObservation] = [:]
    /// The workers that the newest message speaks of: their snapshot may still be on its way.
    private var told: Set<IncarnationID> = []
    /// As the newest message says (``LocalHealth``).
    public private(set) var panicPercent = HealthMessage.standardPanicPercent

    public init() {}

    /// Takes the newest message of the control plane.
    ///
    /// - Returns: whether requests are to be routed by another table.
    public mutating func take(_ message: HealthMessage) -> Bool {
        told = Set(message.workers.lazy.map(\.incarnation))
        panicPercent = message.panicPercent ?? HealthMessage.standardPanicPercent
        return take(message.workers)
    }

    /// Takes observations of some of the workers.
    ///
    /// - Returns: whether one differs from what was known.
    public mutating func take(_ observations: [WorkerObservation]) -> Bool {
        var isNews = false
        for observation in observations {
            let before = known.updateValue(observation, forKey: observation.incarnation)
            if before?.state != observation.state || before?.isSilent != observation.isSilent { isNews = true }
        }
        return isNews
    }

    /// Forgets workers that are neither in the snapshot nor in the newest message.
    public mutating func forget(allBut snapshot: Snapshot) {
        let kept = told.union(snapshot.workers.lazy.map(\.incarnation))
        known = known.filter { kept.contains($0.key) }
    }

    public subscript(incarnation: IncarnationID) -> WorkerObservation? { known[incarnation] }

    /// In no particular order.
    public var all: [WorkerObservation] { Array(known.values) }
}
