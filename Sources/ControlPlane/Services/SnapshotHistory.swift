import Dispatch
import Logging
import SignalboxProtocol
import Synchronization

/// Writes published snapshots into the history beside their publication, so that a large document delays neither the
/// data planes nor the next change.
///
/// It notes every snapshot, many in one transaction when they come fast, and leaves the database to others for most of
/// the time. A process that is killed may leave its last few snapshots unnoted; the audit trail has their changes.
final class SnapshotHistory: Sendable {
    /// After a write it rests for this many times the duration of the write: at most a fifth of the database's time.
    private static let restFactor = 4
    /// Longest rest.
    private static let restMax = Duration.milliseconds(500)

    private struct State {
        var waiting: [SnapshotNote] = []
        var isScheduled = false
    }

    private let store: Store
    private let logger: Logger
    private let queue = DispatchQueue(label: "snapshot-history")
    private let state = Mutex(State())

    init(store: Store, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    /// Notes a snapshot soon; returns at once.
    func note(_ snapshot: SnapshotNote) {
        let mustSchedule = state.withLock { state in
            state.waiting.append(snapshot)
            // Only the newest documents are kept anyway; the others need not wait in memory.
            let surplus = state.waiting.count - Store.documentsKept - 1
            if surplus >= 0 { state.waiting[surplus].document = nil }
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if mustSchedule { queue.async { self.write() } }
    }

    /// Writes what waits; called by hand only when nothing more comes.
    func flush() {
        queue.sync { _ = writeWaiting() }
    }

    private func write() {
        let duration = writeWaiting()
        let rest = min(duration * SnapshotHistory.restFactor, SnapshotHistory.restMax)
        queue.asyncAfter(deadline: .now() + .microseconds(Int(rest / .microseconds(1)))) {
            let mustGoOn = self.state.withLock { state in
                state.isScheduled = !state.waiting.isEmpty
                return state.isScheduled
            }
            if mustGoOn { self.write() }
        }
    }

    private func writeWaiting() -> Duration {
        let snapshots = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        guard !snapshots.isEmpty else { return .zero }
        return ContinuousClock().measure {
            do {
                try store.recordSnapshots(snapshots)
                if let newest = snapshots.last { try store.notePublished(newest.header.version) }
            } catch {
                logger.error("The history of snapshots cannot be written.", metadata: ["error": "\(error)"])
            }
        }
    }
}
