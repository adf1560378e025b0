public import SignalboxProtocol

/// Whether it is the observer that fails, and not the workers: when many of them fall silent at the same time, more likely
/// this host has lost its network than the fleet its power.
///
/// Only silence counts. A worker that refuses connections or answers with an error is heard, and unhealthy.
public struct ObserverSuspicion: Hashable, Sendable {
    /// Fewer workers that were ready are no crowd.
    public static let workersMin = 3
    /// At the same time means within this, in milliseconds.
    public static let windowMilliseconds: Int64 = 15_000

    /// The workers that go on being routed to.
    public let workers: Set<IncarnationID>
    /// Those that were ready when it began.
    public let total: Int

    /// Nil when there is none.
    ///
    /// - Parameter percent: more than this share of the workers that were ready must have fallen silent; 0: never.
    public init?(_ states: [IncarnationID: ProbeState], percent: Int) {
        guard percent > 0 else { return nil }
        let silent = states.filter { $0.value.isSilent }.sorted { $0.value.since < $1.value.since }
        let total = states.values.count { $0.health == .ready || $0.health == .presumedReady } + silent.count
        guard total >= ObserverSuspicion.workersMin, silent.count * 100 > total * percent else { return nil }
        var first = 0
        var best = 0..<0
        for last in silent.indices {
            while silent[last].value.since - silent[first].value.since > ObserverSuspicion.windowMilliseconds {
                first += 1
            }
            if last + 1 - first > best.count { best = first..<(last + 1) }
        }
        guard best.count * 100 > total * percent else { return nil }
        workers = Set(silent[best].map(\.key))
        self.total = total
    }

    /// One sentence for the log and for the reason of each of its workers.
    public var reason: String {
        "\(workers.count) of \(total) workers fell silent at the same time: the observer is suspected, they are routed to."
    }
}
