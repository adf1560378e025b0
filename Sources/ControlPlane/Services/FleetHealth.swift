import ControlPlaneCore
import Logging
import SignalboxProtocol
import Synchronization
import Telemetry

/// What is observed of all workers now. It lives in memory only: a new process observes anew.
final class FleetHealth: Sendable {
    private struct State {
        var tick: UInt64 = 0
        var workers: [IncarnationID: ProbeState] = [:]
        var holds: [IncarnationID: HealthHold] = [:]
        /// What was last observed of workers that drain: their removal may be taken back.
        var resting: [IncarnationID: ProbeState] = [:]
        var probes: [IncarnationID: ProbeCounts] = [:]
        var suspicion: ObserverSuspicion?

        /// What counts: the probes, unless a worker is held.
        var observed: [IncarnationID: ProbeState] {
            guard !holds.isEmpty else { return workers }
            return Dictionary(uniqueKeysWithValues: workers.map { ($0, $1.held(by: holds[$0])) })
        }

        mutating func endWatch(_ incarnation: IncarnationID) {
            workers[incarnation] = nil
            holds[incarnation] = nil
            probes[incarnation] = nil
        }
    }

    private let run: RunID
    private let state = Mutex(State())

    private let panicPercent: Int
    private let logger: Logger

    /// - Parameter panicPercent: see ``ObserverSuspicion``.
    init(panicPercent: Int, logger: Logger) {
        self.panicPercent = panicPercent
        self.logger = logger
        var generator = SystemRandomNumberGenerator()
        run = .random(using: &generator)
    }

    /// Begins to keep what is observed of an incarnation; what holds it already goes on.
    func begin(_ incarnation: IncarnationID, _ observed: ProbeState, heldBy hold: HealthHold? = nil) {
        state.withLock { state in
            state.workers[incarnation] = observed
            state.resting[incarnation] = nil
            if let hold { state.holds[incarnation] = hold }
        }
    }

    /// Replaces what is observed; without effect once the incarnation has ended, so that late probes revive nothing.
    func update(_ incarnation: IncarnationID, _ observed: ProbeState) {
        state.withLock { state in
            guard state.workers[incarnation] != nil else { return }
            state.workers[incarnation] = observed
        }
    }

    /// Nothing is observed of the incarnation any more; what was last known stays until ``end(_:)`` or ``begin(_:_:heldBy:)``.
    func rest(_ incarnation: IncarnationID) {
        state.withLock { state in
            if var observed = state.workers[incarnation] {
                observed.endWatch()
                state.resting[incarnation] = observed
            }
            state.endWatch(incarnation)
        }
    }

    func end(_ incarnation: IncarnationID) {
        state.withLock { state in
            state.endWatch(incarnation)
            state.resting[incarnation] = nil
        }
    }

    /// What probes have last found, whatever holds the worker; also of one that drains.
    func probeState(_ incarnation: IncarnationID) -> ProbeState? {
        state.withLock { $0.workers[incarnation] ?? $0.resting[incarnation] }
    }

    /// A probe has ended; without effect once the incarnation has.
    func probed(_ incarnation: IncarnationID, _ outcome: ProbeOutcome) {
        state.withLock { state in
            guard state.workers[incarnation] != nil else { return }
            state.probes[incarnation, default: ProbeCounts()].count(outcome)
        }
    }

    /// How many probes of each worker ended how.
    var probes: [IncarnationID: ProbeCounts] { state.withLock { $0.probes } }

    /// Has a worker count as unhealthy, whatever its probes say.
    func hold(_ incarnation: IncarnationID, _ hold: HealthHold) {
        state.withLock { state in
            guard state.workers[incarnation] != nil else { return }
            state.holds[incarnation] = hold
        }
    }

    func release(_ incarnation: IncarnationID) {
        state.withLock { $0.holds[incarnation] = nil }
    }

    func observed(_ incarnation: IncarnationID) -> ProbeState? {
        state.withLock { state in state.workers[incarnation].map { $0.held(by: state.holds[incarnation]) } }
    }

    func observedAll() -> [IncarnationID: ProbeState] {
        state.withLock { $0.observed }
    }

    /// The whole picture with the next tick.
    func message() -> HealthMessage {
        let (tick, workers, suspicion, before) = state.withLock { state in
            state.tick += 1
            let before = state.suspicion
            let observed = state.observed
            state.suspicion = ObserverSuspicion(observed, percent: panicPercent)
            return (state.tick, observed, state.suspicion, before)
        }
        log(suspicion, before: before)
        let observations = workers.compactMap { incarnation, observed in
            let since = Timestamp.text(millisecondsSinceEpoch: observed.since)
            var observation = observed.observation(of: incarnation, since: since)
            if let suspicion, suspicion.workers.contains(incarnation) {
                observation?.state = .ready
                observation?.isSilent = nil
                observation?.reason = suspicion.reason
            }
            return observation
        }
        return HealthMessage(run: run, tick: tick, workers: observations, panicPercent: panicPercent)
    }

    /// Whether the observer itself is suspected now.
    var suspicion: ObserverSuspicion? {
        state.withLock { $0.suspicion }
    }

    private func log(_ suspicion: ObserverSuspicion?, before: ObserverSuspicion?) {
        if let suspicion, before == nil {
            logger.error("\(suspicion.reason)", metadata: ["flag": "--health-panic-percent"])
        } else if suspicion == nil, before != nil {
            logger.notice("The observer is not suspected any more.")
        }
    }
}
