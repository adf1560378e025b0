import Foundation
import SignalboxProtocol
import Synchronization

@testable import ControlPlane

/// A source whose state is a number of workers and a sequence that tests set.
final class StubSource: SnapshotSource {
    struct Broken: Error, CustomStringConvertible {
        var description: String { "workers[0].weight: 0 is not from 1 to 1000" }
    }

    let epoch: Epoch
    private let run = RunID(UUID())
    private let state = Mutex(State())

    private struct State {
        var sequence: UInt64 = 0
        var tick: UInt64 = 0
        var isBroken = false
        var builds = 0
        var workers: [SnapshotWorker] = []
    }

    init(workers: Int = 0) {
        epoch = Epoch(UUID())
        state.withLock { state in
            state.workers = (0..<workers).map {
                SnapshotWorker(id: WorkerID(UUID()), incarnation: IncarnationID(UUID()), url: "http://gpu\($0):8000")
            }
        }
    }

    var version: SnapshotVersion { state.withLock { SnapshotVersion(epoch: epoch, sequence: $0.sequence) } }
    var builds: Int { state.withLock { $0.builds } }

    /// What a committed change does.
    func commit() -> SnapshotVersion {
        state.withLock { state in
            state.sequence += 1
            return SnapshotVersion(epoch: epoch, sequence: state.sequence)
        }
    }

    func setBroken(_ isBroken: Bool) {
        state.withLock { $0.isBroken = isBroken }
    }

    func currentSnapshot() throws -> EncodedSnapshot {
        let state = state.withLock { state in
            state.builds += 1
            return state
        }
        if state.isBroken { throw Broken() }
        let version = SnapshotVersion(epoch: epoch, sequence: state.sequence)
        return try EncodedSnapshot(Snapshot(version: version, workers: state.workers))
    }

    func currentHealth() -> HealthMessage {
        state.withLock { state in
            state.tick += 1
            return HealthMessage(run: run, tick: state.tick, workers: [])
        }
    }
}

/// A published snapshot of one version, without workers.
func publishedSnapshot(
    _ sequence: UInt64,
    epoch: Epoch,
    committedAt: ContinuousClock.Instant = .now
) throws -> PublishedSnapshot {
    let snapshot = Snapshot(version: SnapshotVersion(epoch: epoch, sequence: sequence))
    return try PublishedSnapshot(EncodedSnapshot(snapshot), committedAt: committedAt)
}

/// A message as it arrives from a data plane.
func line(_ message: DataPlaneMessage) throws -> [UInt8] {
    try LineCoding.encode(message)
}
