public import SignalboxProtocol

/// Where the publisher gets what it publishes. Both methods are called off the event loop, never two calls of one
/// method at a time.
public protocol SnapshotSource: Sendable {
    /// Reads the newest committed state in one transaction, validates and encodes it, and records it in the history.
    func currentSnapshot() throws -> EncodedSnapshot

    /// What is observed of all workers now, with a tick greater than that of every earlier call.
    func currentHealth() -> HealthMessage
}
