import DataPlaneCore
import Glibc

/// The Unix socket on which an operator of the host asks a data plane: one request a connection, one after the other.
///
/// Its file is only for the data plane's own user. A successor of the same name takes the file over.
final class OperatorSocket: Sendable {
    let path: String
    private let id: String
    private let descriptor: Int32
    private let inode: ino_t
    private let shared: SharedState

    /// Opens the socket; makes the folder when it is missing.
    init(directory: String, id: String, shared: SharedState) throws(SystemError) {
        path = "\(directory)/\(id).sock"
        self.id = id
        self.shared = shared
        if unsafe mkdir(directory, 0o700) != 0 && errno != EEXIST { throw SystemError("mkdir", errno) }
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SystemError("socket", errno) }
        do throws(SystemError) {
            inode = try OperatorSocket.listen(descriptor, path)
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// The file is made under another name and then takes its place, so that nobody connects before its mode is set.
    private static func listen(_ descriptor: Int32, _ path: String) throws(SystemError) -> ino_t {
        let own = "\(path).\(getpid())"
        _ = unsafe unlink(own)
        let result = unsafe SocketAddress.withPointer(to: .unix(own)) { unsafe bind(descriptor, $0, $1) }
        guard let result else { throw SystemError("bind", ENAMETOOLONG) }
        guard result == 0 else { throw SystemError("bind", errno) }
        guard unsafe chmod(own, 0o600) == 0 else { throw SystemError("chmod", errno) }
        guard Glibc.listen(descriptor, 16) == 0 else { throw SystemError("listen", errno) }
        guard let inode = inode(own) else { throw SystemError("stat", errno) }
        guard unsafe rename(own, path) == 0 else { throw SystemError("rename", errno) }
        return inode
    }

    private static func inode(_ path: String) -> ino_t? {
        var status = stat()
        return unsafe lstat(path, &status) == 0 ? status.st_ino : nil
    }

    /// Answers for as long as the process lives; to be called on a thread of its own.
    func run() -> Never {
        SerialServer(descriptor: descriptor).run { [id, shared] head in
            OperatorAnswer.bytes(to: head, id: id, shared, at: EpollReactor.clock())
        }
    }

    /// Removes the file, unless a successor has put its own there.
    func remove() {
        guard OperatorSocket.inode(path) == inode else { return }
        _ = unsafe unlink(path)
    }
}
