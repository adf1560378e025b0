import ControlPlaneCore
import SignalboxProtocol

/// The database as far as other parts see it: a change is rows, audit row and sequence in one commit, or nothing.
struct StoreModel {
    struct Rows {
        var workers: [Worker] = []
        var policy = PolicyConfiguration()
        var sequence: UInt64 = 0
        /// The sequences of the audit rows.
        var audit: [UInt64] = []
    }

    let epoch: Epoch
    private(set) var rows = Rows()
    /// What each version shows, as it was committed.
    private(set) var committed: [UInt64: Snapshot] = [:]
    private let plant: Plant?

    init(epoch: Epoch, plant: Plant?) {
        self.epoch = epoch
        self.plant = plant
        note()
    }

    /// Makes a change in steps; a crash between two of them leaves nothing of it.
    ///
    /// - Returns: false when the process died before the commit.
    mutating func change(_ dice: inout Dice, crashes: Bool, _ edit: (inout Rows) -> Void) -> Bool {
        var draft = rows
        draft.sequence += 1
        edit(&draft)
        if crashes && dice.oneIn(2) {
            if plant == .lostAudit { rows = draft }
            return false
        }
        draft.audit.append(draft.sequence)
        if crashes { return false }
        rows = draft
        note()
        return true
    }

    /// The newest committed state, read in one transaction.
    func snapshot(_ dice: inout Dice) -> Snapshot {
        var snapshot = whole
        if plant == .mixedVersion, rows.sequence > 1, dice.oneIn(4) { snapshot.version.sequence -= 1 }
        return snapshot
    }

    /// Short time limits and breakers that open soon, so that a run needs little simulated time.
    private static let settings: RoutingSettings = {
        var settings = RoutingSettings()
        settings.timeouts.firstByteMilliseconds = 8_000
        settings.timeouts.streamIdleMilliseconds = 4_000
        settings.timeouts.queueMilliseconds = 3_000
        settings.timeouts.connectMilliseconds = 1_000
        settings.timeouts.holdMilliseconds = 2_000
        settings.breaker.failureThreshold = 2
        settings.breaker.successThreshold = 1
        settings.breaker.openMilliseconds = 4_000
        settings.retry.silenceMilliseconds = 1_000
        settings.headTimeoutMilliseconds = 4_000
        settings.keepAliveTimeoutMilliseconds = 5_000
        return settings
    }()

    private mutating func note() {
        committed[rows.sequence] = whole
    }

    private var whole: Snapshot {
        let weights = WorkerShares.weights(of: rows.workers)
        return Snapshot(
            version: SnapshotVersion(epoch: epoch, sequence: rows.sequence),
            workers: zip(rows.workers, weights).map { $0.snapshotWorker(weight: $1) },
            policy: rows.policy,
            settings: StoreModel.settings
        )
    }

    /// Invariant 1: every version has its audit row, in order, and shows what was committed with it.
    func check(_ published: Snapshot? = nil) throws {
        guard rows.audit == Array(1..<(rows.sequence + 1)) else {
            throw Finding(
                invariant: 1,
                message: "sequence \(rows.sequence) with the audit rows \(rows.audit.suffix(5))"
            )
        }
        guard let published else { return }
        guard published == committed[published.version.sequence] else {
            throw Finding(invariant: 1, message: "version \(published.version.sequence) shows rows of another one")
        }
    }
}
