/// Which of the supervised processes is meant.
public enum ChildName: Hashable, Sendable, CustomStringConvertible {
    case controlPlane
    /// Counted from 0; a successor has a number of its own.
    case dataPlane(Int)

    public var description: String {
        switch self {
        case .controlPlane: "control plane"
        case .dataPlane(let index): "data plane dp-\(index)"
        }
    }
}

/// How a process ended.
public enum ChildExit: Hashable, Sendable, CustomStringConvertible {
    case exited(Int32)
    case killed(signal: Int32)

    /// Reads the status that `waitpid` gives.
    init(waitStatus: Int32) {
        let signal = waitStatus & 0x7F
        self = signal == 0 ? .exited((waitStatus >> 8) & 0xFF) : .killed(signal: signal)
    }

    /// The number that a shell would show.
    public var code: Int32 {
        switch self {
        case .exited(let status): status
        case .killed(let signal): 128 + signal
        }
    }

    public var description: String {
        switch self {
        case .exited(let status): "exited with status \(status)"
        case .killed(let signal): "was killed by signal \(signal)"
        }
    }
}
