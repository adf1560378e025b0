import ControlPlaneCore
import SignalboxProtocol
import Synchronization

/// What the workers say of their load; empty while no policy asks.
final class FleetLoads: Sendable {
    /// One worker's load as people are shown it.
    struct View: Sendable {
        var tokens: Int?
        var ageSeconds: Double?
        var isFresh: Bool
        var reason: String?
    }

    let interval: Duration
    private let start = ContinuousClock.now
    private let loads = Mutex<[IncarnationID: ToldLoad]>([:])

    init(interval: Duration) {
        self.interval = interval
    }

    /// Begins with those of the incarnations that are new, and forgets all others.
    ///
    /// - Returns: those that are to be asked now.
    func due(of incarnations: Set<IncarnationID>, at now: ContinuousClock.Instant) -> Set<IncarnationID> {
        let moment = start.duration(to: now)
        return loads.withLock { loads in
            loads = loads.filter { incarnations.contains($0.key) }
            for new in incarnations where loads[new] == nil { loads[new] = ToldLoad() }
            return Set(loads.lazy.filter { $0.value.isDue(at: moment) }.map(\.key))
        }
    }

    /// Forgets all; true when there was something.
    func forgetAll() -> Bool {
        loads.withLock { loads in
            defer { loads = [:] }
            return !loads.isEmpty
        }
    }

    func replied(_ incarnation: IncarnationID, _ reply: LoadReply, at now: ContinuousClock.Instant) {
        let moment = start.duration(to: now)
        loads.withLock { $0[incarnation]?.replied(reply, at: moment) }
    }

    /// What data planes are told; nil while no policy asks.
    func told(at now: ContinuousClock.Instant) -> [WorkerLoad]? {
        let moment = start.duration(to: now)
        return loads.withLock { loads in
            loads.isEmpty
                ? nil
                : loads.compactMap { $0.value.message(of: $0.key, at: moment, interval: interval) }
        }
    }

    /// Nil while the worker is not asked.
    func view(_ incarnation: IncarnationID, at now: ContinuousClock.Instant) -> View? {
        let moment = start.duration(to: now)
        return loads.withLock { loads in
            guard let load = loads[incarnation] else { return nil }
            return View(
                tokens: load.tokens,
                ageSeconds: load.age(at: moment).map { ($0 / .milliseconds(1)).rounded() / 1000 },
                isFresh: load.isFresh(at: moment, interval: interval),
                reason: load.reason
            )
        }
    }
}
