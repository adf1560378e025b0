internal import FoundationEssentials
internal import SignalboxProtocol

/// What is known of one data plane; it outlives the connection by ten minutes.
struct DataPlaneRecord: Sendable {
    typealias Instant = ContinuousClock.Instant

    var hello: Hello
    var applied: SnapshotVersion?
    var sent: SnapshotVersion?
    var lastError: String?
    var heartbeat: DataPlaneHeartbeat?
    var heartbeatAt: Instant?
    var connectedAt: Instant
    var disconnectedAt: Instant?
    /// When the oldest version newer than `applied` was committed.
    private var behindSince: Instant?
    /// When the oldest version newer than `sent` was committed.
    private var unsentSince: Instant?
    /// Snapshots that it has refused.
    private(set) var nacks: UInt64 = 0
    /// When what was sent was committed, and when what it serves was; nil when that is not known.
    private var sentCommittedAt: Instant?
    private var appliedCommittedAt: Instant?

    init(hello: Hello, connectedAt: Instant) {
        self.hello = hello
        self.applied = hello.applied
        self.connectedAt = connectedAt
    }

    /// Carries over what an earlier connection of the same data plane taught.
    mutating func inherit(from former: DataPlaneRecord) {
        lastError = former.lastError
        nacks = former.nacks
        if former.applied == applied {
            behindSince = former.behindSince
            appliedCommittedAt = former.appliedCommittedAt
        }
    }

    mutating func published(_ snapshot: PublishedSnapshot) {
        guard applied != snapshot.version else {
            behindSince = nil
            appliedCommittedAt = appliedCommittedAt ?? snapshot.committedAt
            return
        }
        behindSince = behindSince ?? snapshot.committedAt
        if sent != snapshot.version { unsentSince = unsentSince ?? snapshot.committedAt }
    }

    mutating func sent(_ snapshot: PublishedSnapshot) {
        sent = snapshot.version
        unsentSince = nil
        sentCommittedAt = snapshot.committedAt
    }

    mutating func refused(_ nack: Nack) {
        nacks += 1
        lastError = ([nack.reason] + nack.violations.prefix(Nack.violationsMax)).joined(separator: " ")
    }

    mutating func acknowledged(_ version: SnapshotVersion) {
        applied = version
        lastError = nil
        appliedCommittedAt = sentCommittedAt
        behindSince = unsentSince
    }

    /// Whether it serves `version` or a newer one of the same epoch.
    func hasApplied(_ version: SnapshotVersion) -> Bool {
        guard let applied else { return false }
        return applied.epoch == version.epoch && applied.sequence >= version.sequence
    }

    /// - Parameter wallClock: the date at the instant `now`.
    func status(at now: Instant, wallClock: Date) -> DataPlaneStatus {
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        func text(_ instant: Instant) -> String {
            let ago = instant.duration(to: now)
            return style.format(wallClock.addingTimeInterval(-(ago / .seconds(1))))
        }
        return DataPlaneStatus(
            id: hello.id,
            pid: hello.pid,
            software: hello.software,
            connected: disconnectedAt == nil,
            applied: applied,
            sent: sent,
            lagSeconds: lagMilliseconds(at: now) / 1000,
            lastError: lastError,
            lastHeartbeat: heartbeatAt.map(text),
            inFlight: heartbeat?.inFlight ?? 0,
            connections: heartbeat?.connections ?? 0,
            requests: heartbeat?.requests ?? 0,
            draining: heartbeat?.draining ?? false,
            held: heartbeat?.held,
            peers: heartbeat?.peers,
            refusedDatagrams: heartbeat?.refusedDatagrams,
            untoldPlacements: heartbeat?.untoldPlacements,
            policies: heartbeat?.policies,
            waiting: heartbeat?.waiting,
            process: heartbeat?.process,
            budgets: heartbeat?.budgets,
            nacks: nacks,
            snapshotAgeSeconds: appliedCommittedAt.map { DataPlaneRecord.milliseconds(from: $0, to: now) / 1000 },
            connectedSince: text(connectedAt),
            disconnectedSince: disconnectedAt.map(text)
        )
    }

    private func lagMilliseconds(at now: Instant) -> Double {
        behindSince.map { DataPlaneRecord.milliseconds(from: $0, to: now) } ?? 0
    }

    private static func milliseconds(from earlier: Instant, to now: Instant) -> Double {
        max(0, (earlier.duration(to: now) / .milliseconds(1)).rounded())
    }
}
