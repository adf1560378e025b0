/// Says which state of which database a snapshot shows.
///
/// Versions are ordered within one epoch only. A data plane refuses a smaller sequence of its own epoch and follows a
/// new epoch whatever its sequence is.
public struct SnapshotVersion: Hashable, Sendable, Codable, CustomStringConvertible {
    public var epoch: Epoch
    /// Grows by one with every committed change; 0 is a database without any change.
    public var sequence: UInt64

    public init(epoch: Epoch, sequence: UInt64) {
        self.epoch = epoch
        self.sequence = sequence
    }

    /// Whether a data plane that serves `current` may go on to this version: never back within an epoch.
    public func mayReplace(_ current: SnapshotVersion?) -> Bool {
        guard let current, current.epoch == epoch else { return true }
        return sequence >= current.sequence
    }

    public var description: String { "\(epoch)/\(sequence)" }
}
