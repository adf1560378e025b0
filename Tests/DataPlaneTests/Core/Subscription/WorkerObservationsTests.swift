import SignalboxProtocol
import Testing

@testable import DataPlaneCore

@Suite("What is known of workers")
struct WorkerObservationsTests {
    private static let workers = [Samples.worker(1), Samples.worker(2)]

    private func message(_ states: [(Int, ObservedState)], silent: Bool = false) -> HealthMessage {
        var generator = SplitMix64(seed: 3)
        return HealthMessage(
            run: RunID.random(using: &generator),
            tick: 1,
            workers: states.map { index, state in
                WorkerObservation(
                    incarnation: Self.workers[index].incarnation,
                    state: state,
                    since: "",
                    reason: "",
                    isSilent: silent
                )
            }
        )
    }

    private func snapshot(_ workers: [SnapshotWorker]) -> Snapshot {
        Snapshot(version: SnapshotVersion(epoch: Samples.epoch, sequence: 1), workers: workers)
    }

    @Test("stays what it was while a new run of the control plane has not observed them itself")
    func newRun() {
        var known = WorkerObservations()
        let (first, second) = (known.take(message([(0, .ready), (1, .unhealthy)])), known.take(message([(0, .ready)])))
        #expect(first && !second)
        known.forget(allBut: snapshot(Self.workers))
        #expect(known[Self.workers[1].incarnation]?.state == .unhealthy)
        let third = known.take(message([(0, .ready), (1, .ready)]))
        #expect(third && known[Self.workers[1].incarnation]?.state == .ready)
    }

    @Test("is news when a state or the silence of a worker is another one")
    func news() {
        var known = WorkerObservations()
        let first = known.take(message([(0, .unhealthy)]))
        let again = known.take(message([(0, .unhealthy)]))
        let silent = known.take(message([(0, .unhealthy)], silent: true))
        #expect(first && !again && silent)
    }

    @Test("is forgotten with the worker, but not before its snapshot has come")
    func forget() {
        var known = WorkerObservations()
        _ = known.take(message([(0, .ready), (1, .ready)]))
        known.forget(allBut: snapshot([Self.workers[0]]))
        #expect(known.all.count == 2)
        _ = known.take(message([(0, .ready)]))
        known.forget(allBut: snapshot([Self.workers[0]]))
        #expect(known.all.map(\.incarnation) == [Self.workers[0].incarnation])
    }
}
