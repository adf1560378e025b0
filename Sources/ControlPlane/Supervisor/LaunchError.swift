internal import Glibc

/// Why `launch` cannot start: one sentence for a person and the exit status that scripts see.
public struct LaunchError: Error, Hashable, Sendable, CustomStringConvertible {
    public var message: String
    /// As in `sysexits.h`.
    public var exitStatus: Int32

    public init(message: String, exitStatus: Int32) {
        self.message = message
        self.exitStatus = exitStatus
    }

    /// A flag has a value that cannot work (`EX_USAGE`).
    static func usage(_ message: String) -> LaunchError { LaunchError(message: message, exitStatus: 64) }
    /// The operating system failed us (`EX_OSERR`).
    static func system(_ message: String) -> LaunchError { LaunchError(message: message, exitStatus: 71) }
    /// A file or socket cannot be made (`EX_CANTCREAT`).
    static func cannotCreate(_ message: String) -> LaunchError { LaunchError(message: message, exitStatus: 73) }
    /// Somebody else uses it now (`EX_TEMPFAIL`).
    static func inUse(_ message: String) -> LaunchError { LaunchError(message: message, exitStatus: 75) }

    public var description: String { message }
}

/// The operating system's words for `errno`.
func systemReason(_ number: Int32 = errno) -> String {
    String(cString: strerror(number))
}
