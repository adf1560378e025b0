import ControlPlaneCore
import SignalboxProtocol
import Synchronization

/// Makes snapshots of the newest committed state for the publisher.
final class SnapshotService: SnapshotSource {
    private let store: Store
    private let health: FleetHealth
    private let loads: FleetLoads
    private let history: SnapshotHistory
    private let latest = Mutex<EncodedSnapshot?>(nil)

    init(store: Store, health: FleetHealth, loads: FleetLoads, history: SnapshotHistory) {
        self.store = store
        self.health = health
        self.loads = loads
        self.history = history
    }

    /// A state that breaks a rule of the contract; nothing is published instead of it.
    struct InvalidSnapshot: Error, CustomStringConvertible {
        var violations: [SnapshotViolation]

        var description: String {
            "The stored state breaks \(violations.count) rules: \(violations.prefix(5).map(\.description))"
        }
    }

    func currentSnapshot() throws -> EncodedSnapshot {
        let snapshot = try store.snapshot()
        if let latest = latest.withLock({ $0 }), latest.version == snapshot.version { return latest }
        let violations = snapshot.violations()
        guard violations.isEmpty else { throw InvalidSnapshot(violations: violations) }
        let encoded = try EncodedSnapshot(snapshot)
        history.note(SnapshotNote(encoded, of: snapshot))
        latest.withLock { $0 = encoded }
        return encoded
    }

    func currentHealth() -> HealthMessage {
        var message = health.message()
        message.loads = loads.told(at: .now)
        return message
    }
}
