import DataPlaneCore
import Glibc
import Logging

/// The Unix socket on which an operator of the host asks a data plane: one request a connection, one after the other.
///
/// Its file is only for the data plane's own user. A successor of the same name takes the file over.
final class OperatorSocket: Sendable {
    /// How long one client may take to send its request, and to take the answer.
    private static let clientMilliseconds = 1_000

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
        while true {
            let client = accept(descriptor, nil, nil)
            if client >= 0 {
                answer(client)
                close(client)
            } else if errno != EINTR {
                // Descriptors are scarce: nobody is served faster by trying at once.
                _ = poll(nil, 0, Int32(OperatorSocket.clientMilliseconds))
            }
        }
    }

    private func answer(_ client: Int32) {
        var time = timeval(tv_sec: OperatorSocket.clientMilliseconds / 1000, tv_usec: 0)
        let length = socklen_t(MemoryLayout<timeval>.size)
        _ = unsafe setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &time, length)
        let deadline = EpollReactor.clock().adding(milliseconds: OperatorSocket.clientMilliseconds)
        guard let head = readHead(client, deadline) else { return }
        let bytes = OperatorAnswer.bytes(to: head, id: id, shared, at: EpollReactor.clock())
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { content in
                unsafe send(
                    client,
                    content.baseAddress.map { unsafe $0 + sent },
                    bytes.count - sent,
                    Int32(MSG_NOSIGNAL)
                )
            }
            guard count > 0 else { return }
            sent += count
        }
    }

    /// The request up to its empty line; nil when it does not come in time.
    private func readHead(_ client: Int32, _ deadline: MonotonicTime) -> [UInt8]? {
        var head: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 2048)
        while head.count < OperatorAnswer.headBytesMax {
            let left = deadline.milliseconds - EpollReactor.clock().milliseconds
            var descriptors = [pollfd(fd: client, events: Int16(POLLIN), revents: 0)]
            guard left > 0, unsafe poll(&descriptors, 1, Int32(left)) > 0 else { return nil }
            let count = unsafe recv(client, &buffer, buffer.count, 0)
            guard count > 0 else { return head.isEmpty ? nil : head }
            head += buffer[0..<count]
            if head.count >= 4, (3..<head.count).contains(where: { head[$0] == 10 && head[$0 - 2] == 10 }) {
                return head
            }
        }
        return head
    }

    /// Removes the file, unless a successor has put its own there.
    func remove() {
        guard OperatorSocket.inode(path) == inode else { return }
        _ = unsafe unlink(path)
    }
}
