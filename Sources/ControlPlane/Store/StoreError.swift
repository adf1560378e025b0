public import ControlPlaneCore
public import SignalboxProtocol

/// Why a change was not made; nothing of it is in the database.
public enum StoreError: Error, Hashable, Sendable {
    /// A worker with the same normalised URL is registered.
    case workerExists(WorkerID)
    case workerNotFound(WorkerReference)
    case policyNotFound(model: String)
    /// The model has no settings of its own.
    case settingsNotFound(model: String)
    /// The values would break rules of the snapshot, as sentences.
    case invalid([String])
    /// No more workers can be registered.
    case workersMaxReached
}
