import SignalboxProtocol
import Synchronization

/// Why the workers of recent requests were picked, for operators; filled while the setting `explain` is 1.
///
/// All threads share it: it is locked for the time of one store, and the oldest entry makes room for a new one.
public final class RecentExplanations: Sendable {
    /// Picks that are remembered.
    public static let picksMax = 1_024

    private struct Pick {
        var request: String
        var at: MonotonicTime
        var version: SnapshotVersion?
        var explanation: PickExplanation
    }

    private struct Ring {
        var picks: [Pick] = []
        /// Where the next pick goes once the ring is full.
        var next = 0
    }

    private let ring = Mutex(Ring())

    public init() {}

    func note(_ explanation: PickExplanation, of request: String, version: SnapshotVersion?, at now: MonotonicTime) {
        let pick = Pick(request: request, at: now, version: version, explanation: explanation)
        ring.withLock { ring in
            guard ring.picks.count == RecentExplanations.picksMax else {
                ring.picks.append(pick)
                return
            }
            ring.picks[ring.next] = pick
            ring.next = (ring.next + 1) % RecentExplanations.picksMax
        }
    }

    /// How many picks are remembered.
    public var count: Int { ring.withLock { $0.picks.count } }

    /// The picks of one request, the first attempt first, as one JSON object; nil when none is remembered.
    public func text(of request: String, at now: MonotonicTime) -> String? {
        // Text is made outside the lock.
        let picks = ring.withLock { ring in
            (Array(ring.picks[ring.next...]) + ring.picks[..<ring.next]).filter { $0.request == request }
        }
        guard !picks.isEmpty else { return nil }
        let texts = picks.map { pick in
            let age = max(0, now.milliseconds - pick.at.milliseconds)
            return #"{"age_milliseconds":\#(age),"explanation":\#(pick.explanation.text(version: pick.version))}"#
        }
        return #"{"request":"\#(request)","picks":["# + texts.joined(separator: ",") + "]}"
    }
}
