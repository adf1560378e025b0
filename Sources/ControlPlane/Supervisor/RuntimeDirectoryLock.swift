internal import CLinux
internal import Glibc

/// The claim of one `launch` on a runtime directory; it lasts until the value ends or the process dies.
public struct RuntimeDirectoryLock: ~Copyable, Sendable {
    private static let socketPathBytesMax = 107
    /// The longest of the sockets' names.
    private static let longestSocketName = "control.sock"

    private let descriptor: Descriptor

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
        let path = "\(directory)/launch.lock"
        guard let descriptor = Descriptor(taking: open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)) else {
            throw .cannotCreate("'\(path)' cannot be opened (\(systemReason())); choose another --runtime-dir.")
        }
        guard flock(descriptor.number, LOCK_EX | LOCK_NB) == 0 else {
            let owner = RuntimeDirectoryLock.owner(descriptor)
            throw .inUse(
                "Another launch\(owner) uses the runtime directory '\(directory)'; stop it or choose another "
                    + "--runtime-dir."
            )
        }
        let text = Array("\(getpid())\n".utf8)
        ftruncate(descriptor.number, 0)
        pwrite(descriptor.number, text, text.count, 0)
        self.descriptor = descriptor
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

    /// The process that holds the lock, as far as it said so.
    private static func owner(_ descriptor: borrowing Descriptor) -> String {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor.number, &bytes, bytes.count, 0)
        guard count > 0 else { return "" }
        let digits = bytes.prefix(count).prefix { $0 >= 0x30 && $0 <= 0x39 }
        return digits.isEmpty ? "" : " (process \(String(decoding: digits, as: UTF8.self)))"
    }
}
