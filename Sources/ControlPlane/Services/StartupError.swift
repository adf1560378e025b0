/// Why a control plane cannot start: one sentence that names the flag or the file and what to do.
public struct StartupError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Exit status of the process, after sysexits.h.
    public enum Status: Int32, Hashable, Sendable {
        /// A flag has a value that makes no sense.
        case usage = 64
        case software = 70
        /// A file, folder or socket cannot be created.
        case cannotCreate = 73
        /// Something that this process needs for itself is in use.
        case inUse = 75
    }

    public var status: Status
    public var description: String

    public init(_ status: Status, _ description: String) {
        self.status = status
        self.description = description
    }
}
