internal import Glibc

/// The listening Unix socket of the control plane.
enum ControlSocket {
    /// Longest path that fits `sockaddr_un`, without its closing zero.
    static let pathBytesMax = 107
    private static let backlog: Int32 = 128

    /// Binds `path` and listens; the file has mode 0600 from the moment it exists.
    ///
    /// A socket left by a process that died is removed: the caller holds the lock of the runtime directory.
    /// - Returns: a non-blocking descriptor that the caller owns.
    static func listen(path: String) throws(ControlSocketError) -> Int32 {
        var address = try address(path)
        removeStaleSocket(path)
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw .failure("The control socket cannot be made", path: path) }
        // On Linux the mode of an unbound socket is the mode of the file that bind makes.
        let isListening =
            fchmod(descriptor, 0o600) == 0
            && withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            } == 0
            && Glibc.listen(descriptor, backlog) == 0
        guard isListening else {
            let error = ControlSocketError.failure("The control socket cannot be opened", path: path)
            close(descriptor)
            throw error
        }
        return descriptor
    }

    private static func address(_ path: String) throws(ControlSocketError) -> sockaddr_un {
        let bytes = Array(path.utf8)
        guard bytes.count <= pathBytesMax else {
            throw ControlSocketError(
                code: .pathTooLong,
                message: "The path '\(path)' has \(bytes.count) bytes, a Unix socket takes at most "
                    + "\(pathBytesMax); choose a shorter --runtime-dir."
            )
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return address
    }

    private static func removeStaleSocket(_ path: String) {
        var information = stat()
        guard lstat(path, &information) == 0, information.st_mode & S_IFMT == S_IFSOCK else { return }
        unlink(path)
    }
}

/// Why the control socket could not be opened.
public struct ControlSocketError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: Hashable, Sendable {
        case pathTooLong
        /// The operating system refused it, for instance for lack of permission.
        case system(Int32)
    }

    public var code: Code
    /// One sentence for a person.
    public var message: String

    public var description: String { message }

    static func failure(_ what: String, path: String) -> ControlSocketError {
        let number = errno
        let reason = String(cString: strerror(number))
        return ControlSocketError(code: .system(number), message: "\(what) at '\(path)': \(reason).")
    }
}
