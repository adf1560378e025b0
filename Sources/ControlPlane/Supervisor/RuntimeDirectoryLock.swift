internal import CLinux
internal import Glibc

/// The claim of one `launch` on a runtime directory; it lasts until the value ends or the process dies.
public struct RuntimeDirectoryLock: ~Copyable, Sendable {
    private static let socketPathBytesMax = 107
    /// The longest of the sockets' names.
    private static let longestSocketName = "control.sock"

    private let lock: LockFile

    /// Makes the directory (mode 0700) when it is missing and locks it.
    public init(directory: String) throws(LaunchError) {
        let socketPath = "\(directory)/\(RuntimeDirectoryLock.longestSocketName)"
        guard socketPath.utf8.count <= RuntimeDirectoryLock.socketPathBytesMax else {
            throw .cannotCreate(
                "The path '\(socketPath)' has \(socketPath.utf8.count) bytes, a Unix socket takes at most "
                    + "\(RuntimeDirectoryLock.socketPathBytesMax); choose a shorter --runtime-dir."
            )
        }
        try RuntimeDirectoryLock.makeDirectory(directory)
        lock = try LockFile(
            path: "\(directory)/launch.lock",
            guarded: "the runtime directory '\(directory)'",
            flag: "--runtime-dir"
        )
    }

    /// Makes the directory and those above it.
    private static func makeDirectory(_ directory: String) throws(LaunchError) {
        var path = directory.hasPrefix("/") ? "" : "."
        for part in directory.split(separator: "/") {
            path += "/\(part)"
            guard mkdir(path, 0o700) == 0 || errno == EEXIST || errno == EISDIR else {
                throw .cannotCreate("The directory '\(path)' cannot be made (\(systemReason())); check --runtime-dir.")
            }
        }
        var information = stat()
        guard stat(directory, &information) == 0, information.st_mode & S_IFMT == S_IFDIR else {
            throw .cannotCreate("'\(directory)' is no directory; check --runtime-dir.")
        }
        guard information.st_uid == getuid() else {
            throw .cannotCreate("The directory '\(directory)' belongs to another user; choose another --runtime-dir.")
        }
    }
}
