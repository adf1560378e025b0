#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The folder with the sockets of one control plane, locked for it.
final class RuntimeDirectory: Sendable {
    /// The operating system's limit for the path of a Unix socket, in bytes.
    static let socketPathBytesMax = 107

    let controlSocket: String
    let adminSocket: String
    /// Folder of what the data planes count.
    let metrics: String
    private let lock: FileLock

    /// Creates the folder if it is missing (mode 0700), locks it, and removes the sockets of an earlier process.
    init(path: String) throws(StartupError) {
        let folder = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        controlSocket = "\(folder)/control.sock"
        adminSocket = "\(folder)/admin.sock"
        metrics = "\(folder)/metrics"
        let bytes = controlSocket.utf8.count
        guard bytes <= RuntimeDirectory.socketPathBytesMax else {
            throw StartupError(
                .cannotCreate,
                "The socket path \(controlSocket) has \(bytes) bytes, at most "
                    + "\(RuntimeDirectory.socketPathBytesMax) are possible; choose a shorter folder with --runtime-dir."
            )
        }
        do {
            try Folder.create(folder)
        } catch {
            throw StartupError(.cannotCreate, "\(error.description) Choose another folder with --runtime-dir.")
        }
        guard Folder.isOwn(folder) else {
            throw StartupError(
                .cannotCreate,
                "The folder \(folder) belongs to another user; choose another with --runtime-dir."
            )
        }
        lock = try FileLock(
            path: "\(folder)/control-plane.lock",
            guarded: "The runtime directory \(folder)",
            flag: "--runtime-dir"
        )
        // Safe only under the lock: nobody else can be listening there.
        unlink(controlSocket)
        unlink(adminSocket)
    }

    /// Removes the sockets; called when nothing listens any more.
    func removeSockets() {
        unlink(controlSocket)
        unlink(adminSocket)
    }
}

/// Creates folders that belong to the user alone.
enum Folder {
    struct CreationError: Error, CustomStringConvertible {
        var description: String
    }

    /// Creates the folder and those above it that are missing, with mode 0700; an existing one is left as it is.
    static func create(_ path: String) throws(CreationError) {
        var created = path.hasPrefix("/") ? "" : "."
        for name in path.split(separator: "/") {
            created += "/\(name)"
            guard mkdir(created, 0o700) == 0 || errno == EEXIST else {
                throw CreationError(description: "Cannot create the folder \(created): \(SystemError.text(errno)).")
            }
        }
        var information = stat()
        guard stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFDIR else {
            throw CreationError(description: "\(path) is not a folder.")
        }
    }

    /// Whether the folder belongs to this user, so that nobody else can replace what is in it.
    static func isOwn(_ path: String) -> Bool {
        var information = stat()
        return stat(path, &information) == 0 && information.st_uid == getuid()
    }
}
