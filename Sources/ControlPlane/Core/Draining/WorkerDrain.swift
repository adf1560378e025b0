/// How far the removal of a worker is; it is stored, so that it goes on after a restart.
///
/// Times are milliseconds since 1970.
public struct WorkerDrain: Hashable, Sendable {
    public var beganAt: Int64
    /// When what the worker still does is cut.
    public var deadline: Int64
    /// When it was cut; nil before.
    public var cutAt: Int64?
    /// The sequence of the version that made it what it is: a data plane that has applied that one sends the worker
    /// nothing new, and has cut what it still did.
    public var sequence: UInt64

    public init(beganAt: Int64, deadline: Int64, cutAt: Int64? = nil, sequence: UInt64) {
        self.beganAt = beganAt
        self.deadline = deadline
        self.cutAt = cutAt
        self.sequence = sequence
    }
}
