public import ControlPlaneCore
import GRDB
public import SignalboxProtocol

/// Why a change was not made; nothing of it is in the database.
public enum StoreError: Error, Hashable, Sendable {
    /// A worker with the same normalised URL is registered.
    case workerExists(WorkerID)
    case workerNotFound(WorkerReference)
    /// The worker of a pod comes and goes as its pod does.
    case workerFollowsPod(WorkerID)
    case policyNotFound(model: String)
    /// The model has no settings of its own.
    case settingsNotFound(model: String)
    /// The model is not remembered.
    case modelNotKnown(String)
    /// Workers serve the model, so it cannot be forgotten.
    case modelServed(String, workers: Int)
    /// The values would break rules of the snapshot, as sentences.
    case invalid([String])
    /// No more workers can be registered.
    case workersMaxReached
    /// The disk, or the quota, is full.
    case diskFull
    /// The file cannot be written or read, as a sentence.
    case storage(String)

    /// A fault of the disk or of the file; nil for any other error of the database.
    init?(storage error: DatabaseError) {
        switch error.resultCode.primaryResultCode {
        case .SQLITE_FULL: self = .diskFull
        case .SQLITE_IOERR, .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_BUSY:
            self = .storage(
                "The database cannot be used (\(error.message ?? "\(error.resultCode)")); nothing was changed."
            )
        default: return nil
        }
    }
}
