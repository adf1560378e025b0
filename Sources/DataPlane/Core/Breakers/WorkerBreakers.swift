public import SignalboxProtocol
import Synchronization

/// The circuit breakers of all workers, shared by the threads of a data plane.
///
/// Only workers with trouble have one. Everything else about a worker's breaker is in its ``WorkerGate``, one word beside
/// its load: a request to a worker without trouble touches no lock.
public final class WorkerBreakers: Sendable {
    private let loads: WorkerLoads
    private let breakers = Mutex<[Int: CircuitBreaker]>([:])
    private let openings = Atomic<Int>(0)

    /// How often a breaker has opened because its worker was silent: whoever sees another number looks for requests there.
    @inline(__always)
    var silentOpenings: Int { openings.load(ordering: .relaxed) }

    public init(loads: WorkerLoads) {
        self.loads = loads
    }

    /// A request of the worker in `slot` has failed.
    ///
    /// - Parameter pools: the slots of the ready workers of each model that the worker serves; asked for only when the
    ///   breaker wants to open. It stays closed when more workers of one of them would be out than the settings allow.
    /// - Returns: whether it has opened because the worker was silent.
    @discardableResult
    func failed(
        slot: Int,
        _ reason: StaticText,
        isTrial: Bool,
        isSilence: Bool = false,
        at now: MonotonicTime,
        _ settings: BreakerSettings,
        pools: () -> [[Int]]
    ) -> Bool {
        breakers.withLock { breakers in
            var hasOpenedSilently = false
            var breaker = breakers[slot] ?? CircuitBreaker()
            if breaker.failed(reason, isTrial: isTrial, isSilence: isSilence, at: now, settings) {
                // A failed trial takes no further worker out.
                if isTrial || WorkerBreakers.mayOpen(slot, pools(), breakers, settings) {
                    breaker.open(at: now, settings)
                    endRests(beside: slot, pools(), &breakers, at: now, settings)
                    hasOpenedSilently = isSilence
                    if isSilence { openings.add(1, ordering: .relaxed) }
                }
            }
            keep(breaker, slot, &breakers, settings)
            return hasOpenedSilently
        }
    }

    /// The longest time for which a worker is left alone because it asks for it, in milliseconds.
    static let restMillisecondsMax = 30_000

    /// The worker in `slot` asks to be left alone. It is, for a bounded time, unless more workers of a model would be out than
    /// breakers may take out, or none were left.
    ///
    /// - Parameter pools: the slots of the ready workers of each model that the worker serves.
    func rest(slot: Int, milliseconds: Int, at now: MonotonicTime, _ settings: BreakerSettings, pools: [[Int]]) {
        breakers.withLock { breakers in
            let mayRest = pools.allSatisfy { pool in
                let out = pool.count { $0 != slot && breakers[$0]?.isOut(at: now) ?? false }
                return out + 1 <= max(1, pool.count * settings.openPercentMax / 100) && out + 1 < pool.count
            }
            guard mayRest else { return }
            var breaker = breakers[slot] ?? CircuitBreaker()
            breaker.rest(until: now.adding(milliseconds: min(milliseconds, WorkerBreakers.restMillisecondsMax)))
            keep(breaker, slot, &breakers, settings)
        }
    }

    /// One worker has gone out: where no other is left, those that only asked to be left alone are asked nevertheless.
    private func endRests(
        beside slot: Int,
        _ pools: [[Int]],
        _ breakers: inout [Int: CircuitBreaker],
        at now: MonotonicTime,
        _ settings: BreakerSettings
    ) {
        for pool in pools { endRests(pool.filter { $0 != slot }, &breakers, at: now, settings) }
    }

    /// The ready workers have changed: where all that are left asked to be left alone, they are asked nevertheless.
    ///
    /// - Parameter pools: the slots of the ready workers of each model.
    func readyChanged(_ pools: [[Int]], _ settings: BreakerSettings) {
        breakers.withLock { breakers in
            guard !breakers.isEmpty else { return }
            // A rest that is over anyway may be ended as well.
            for pool in pools { endRests(pool, &breakers, at: MonotonicTime(milliseconds: 0), settings) }
        }
    }

    private func endRests(
        _ pool: [Int],
        _ breakers: inout [Int: CircuitBreaker],
        at now: MonotonicTime,
        _ settings: BreakerSettings
    ) {
        guard pool.allSatisfy({ breakers[$0]?.isOut(at: now) ?? false }) else { return }
        for slot in pool {
            guard var breaker = breakers[slot] else { continue }
            breaker.endRest()
            keep(breaker, slot, &breakers, settings)
        }
    }

    /// A request of a worker that has a breaker has succeeded.
    func succeeded(slot: Int, isTrial: Bool, _ settings: BreakerSettings) {
        change(slot, settings) { $0.succeeded(isTrial: isTrial, settings) }
    }

    /// Whether a request may go to a worker whose gate is not clear, and whether it counts as a trial.
    func begin(slot: Int, at now: MonotonicTime, _ settings: BreakerSettings) -> (mayGo: Bool, isTrial: Bool) {
        var answer = (mayGo: true, isTrial: false)
        change(slot, settings) { answer = $0.begin(at: now, settings) }
        return answer
    }

    /// A trial ended without an outcome.
    func abandoned(slot: Int, _ settings: BreakerSettings) {
        change(slot, settings) { $0.abandoned() }
    }

    /// The worker has become ready again.
    func probedWell(slot: Int, _ settings: BreakerSettings) {
        change(slot, settings) { $0.probedWell() }
    }

    /// The slots of workers that are out because of their silence.
    func silentSlots() -> Set<Int> {
        breakers.withLock { breakers in
            Set(breakers.lazy.filter { $0.value.position != .closed && $0.value.isSilence }.map(\.key))
        }
    }

    /// The slot gets another worker.
    package func forget(slot: Int) {
        breakers.withLock { breakers in
            breakers[slot] = nil
            loads.setGate(.clear, slot: slot)
        }
    }

    /// What there is to tell, by slot.
    public func reports(at now: MonotonicTime) -> [Int: BreakerReport] {
        breakers.withLock { breakers in breakers.compactMapValues { $0.report(at: now) } }
    }

    /// The slots whose breakers are open, and until when they get nothing, unless their probes succeed before.
    package func openTimes() -> [Int: MonotonicTime] {
        breakers.withLock { breakers in
            breakers.compactMapValues { breaker in
                if case .open(let until) = breaker.position { until } else { nil }
            }
        }
    }

    private func change(_ slot: Int, _ settings: BreakerSettings, _ edit: (inout CircuitBreaker) -> Void) {
        breakers.withLock { breakers in
            guard var breaker = breakers[slot] else { return }
            edit(&breaker)
            keep(breaker, slot, &breakers, settings)
        }
    }

    private func keep(
        _ breaker: CircuitBreaker,
        _ slot: Int,
        _ breakers: inout [Int: CircuitBreaker],
        _ settings: BreakerSettings
    ) {
        breakers[slot] = breaker.isUnused ? nil : breaker
        loads.setGate(breaker.gate(settings), slot: slot)
    }

    /// Whether one more worker of each model may be out.
    private static func mayOpen(
        _ slot: Int,
        _ pools: [[Int]],
        _ breakers: [Int: CircuitBreaker],
        _ settings: BreakerSettings
    ) -> Bool {
        pools.allSatisfy { pool in
            let out = pool.count { $0 != slot && breakers[$0].map { $0.position != .closed } ?? false }
            return out + 1 <= pool.count * settings.openPercentMax / 100
        }
    }
}
