import ControlPlane
import ControlPlaneCore
import SignalboxProtocol

/// The control plane's process: the real registry and sessions, over the database that outlives it.
struct ControlModel {
    typealias Instant = ContinuousClock.Instant

    var registry = DataPlaneRegistry()
    /// The connections and the data planes at their other ends.
    var planes: [UInt64: Int] = [:]
    /// The newest state is not published yet.
    var mustPublish = true
    var mustObserve = true
    var tick: UInt64 = 0
    let run: RunID
    /// When draining workers of an earlier process may be judged.
    let settledAt: Int64
    private let origin: Instant

    init(origin: Instant, now: Int, dice: inout Dice) {
        self.origin = origin
        run = RunID.random(using: &dice)
        settledAt = Int64(now + 3_000)
    }

    func instant(_ now: Int) -> Instant { origin + .milliseconds(now) }

    /// Reads, checks and publishes the newest committed state.
    mutating func publish(_ store: StoreModel, at now: Int, dice: inout Dice) throws -> EncodedSnapshot {
        mustPublish = false
        let snapshot = store.snapshot(&dice)
        try store.check(snapshot)
        let encoded = try EncodedSnapshot(snapshot)
        registry.publish(try PublishedSnapshot(encoded, committedAt: instant(now)))
        return encoded
    }

    /// Publishes what is observed: every active worker is ready, refuses connections or is silent, as the world has it.
    mutating func observe(_ store: StoreModel, alive: Set<Int>, frozen: Set<Int>) throws {
        mustObserve = false
        tick += 1
        let observations = store.rows.workers.filter { $0.drain == nil }.map { worker in
            let number = World.number(of: worker)
            let isSilent = alive.contains(number) && frozen.contains(number)
            return WorkerObservation(
                incarnation: worker.incarnation,
                state: alive.contains(number) && !isSilent ? .ready : .unhealthy,
                since: "2026-01-01T00:00:00Z",
                reason: "",
                isSilent: isSilent
            )
        }
        registry.publish(try PublishedHealth(HealthMessage(run: run, tick: tick, workers: observations)))
    }

    /// What is due for a draining worker.
    func step(_ worker: Worker, _ epoch: Epoch, isAlive: (Int) -> Bool, at now: Int) -> DrainStep? {
        worker.drain.map { drain in
            DrainStep(
                worker.incarnation,
                drain,
                epoch: epoch,
                planes: registry.traffic(isAlive: isAlive),
                settledAt: settledAt,
                at: Int64(now)
            )
        }
    }
}
