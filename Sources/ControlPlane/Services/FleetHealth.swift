import ControlPlaneCore
import SignalboxProtocol
import Synchronization
import Telemetry

/// What is observed of all workers now. It lives in memory only: a new process observes anew.
final class FleetHealth: Sendable {
    private struct State {
        var tick: UInt64 = 0
        var workers: [IncarnationID: ProbeState] = [:]
    }

    private let run: RunID
    private let state = Mutex(State())

    init() {
        var generator = SystemRandomNumberGenerator()
        run = .random(using: &generator)
    }

    /// Begins to keep what is observed of an incarnation.
    func begin(_ incarnation: IncarnationID, _ observed: ProbeState) {
        state.withLock { $0.workers[incarnation] = observed }
    }

    /// Replaces what is observed; without effect once the incarnation has ended, so that late probes revive nothing.
    func update(_ incarnation: IncarnationID, _ observed: ProbeState) {
        state.withLock { state in
            guard state.workers[incarnation] != nil else { return }
            state.workers[incarnation] = observed
        }
    }

    func end(_ incarnation: IncarnationID) {
        state.withLock { _ = $0.workers.removeValue(forKey: incarnation) }
    }

    func observed(_ incarnation: IncarnationID) -> ProbeState? {
        state.withLock { $0.workers[incarnation] }
    }

    func observedAll() -> [IncarnationID: ProbeState] {
        state.withLock { $0.workers }
    }

    /// The whole picture with the next tick.
    func message() -> HealthMessage {
        let (tick, workers) = state.withLock { state in
            state.tick += 1
            return (state.tick, state.workers)
        }
        let observations = workers.compactMap { incarnation, observed in
            observed.observation(
                of: incarnation,
                since: Timestamp.text(millisecondsSinceEpoch: observed.since)
            )
        }
        return HealthMessage(run: run, tick: tick, workers: observations)
    }
}
