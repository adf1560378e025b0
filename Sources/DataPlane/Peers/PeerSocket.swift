import DataPlaneCore
import Glibc

/// The socket by which a data plane hears the others of its host: one datagram socket each in a folder that they share.
///
/// Its name is that of a run and is never used again, so that the file of a dead data plane can be removed by anybody.
final class PeerSocket {
    /// Most bytes that may wait to be read by all peers together, as far as the system allows it.
    private static let sendBufferBytes: Int32 = 4 << 20
    private static let suffix = ".sock"

    let descriptor: Int32
    let id: PeerID
    private let directory: String
    private var buffer = [UInt8](repeating: 0, count: PeerExchange.datagramBytesMax)

    /// Opens the socket; makes the folder when it is missing.
    ///
    /// - Throws: also when the socket's path is longer than 107 bytes (`ENAMETOOLONG`).
    init(directory: String, id: PeerID) throws(SystemError) {
        self.directory = directory
        self.id = id
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { throw SystemError("socket", errno) }
        if unsafe mkdir(directory, 0o700) != 0 && errno != EEXIST { throw fail("mkdir") }
        let path = PeerSocket.path(directory, id)
        let descriptor = descriptor
        let result = unsafe SocketAddress.withPointer(to: .unix(path)) { unsafe bind(descriptor, $0, $1) }
        guard let result else {
            errno = ENAMETOOLONG
            throw fail("bind")
        }
        guard result == 0 else { throw fail("bind") }
        guard unsafe chmod(path, 0o600) == 0 else { throw fail("chmod") }
        var bytes = PeerSocket.sendBufferBytes
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
    }

    private func fail(_ call: StaticString) -> SystemError {
        let error = SystemError(call, errno)
        close(descriptor)
        return error
    }

    private static func path(_ directory: String, _ id: PeerID) -> String { "\(directory)/\(id)\(suffix)" }

    /// The others whose sockets are in the folder, alive or not.
    func others() -> [PeerID] {
        guard let folder = unsafe opendir(directory) else { return [] }
        defer { unsafe closedir(folder) }
        var found: [PeerID] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            guard name.hasSuffix(PeerSocket.suffix) else { continue }
            if let other = PeerID(name.dropLast(PeerSocket.suffix.utf8.count)), other != id { found.append(other) }
        }
        return found
    }

    /// What became of a datagram.
    enum Outcome {
        case sent
        /// The receiver is slow, or the system short of memory: it is lost.
        case lost
        /// Nobody will ever read it.
        case dead
    }

    func send(_ bytes: [UInt8], to peer: PeerID) -> Outcome {
        let descriptor = descriptor
        let sent = unsafe SocketAddress.withPointer(to: .unix(PeerSocket.path(directory, peer))) { address, length in
            unsafe bytes.withUnsafeBytes { content in
                unsafe sendto(
                    descriptor,
                    content.baseAddress,
                    content.count,
                    Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT),
                    address,
                    length
                )
            }
        }
        guard let sent, sent < 0 else { return .sent }
        return errno == ECONNREFUSED || errno == ENOENT ? .dead : .lost
    }

    /// The next datagram; nil when none waits.
    func receive() -> [UInt8]? {
        let count = unsafe recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        return count >= 0 ? Array(buffer[0..<count]) : nil
    }

    /// Removes the file of a data plane that is gone.
    func remove(_ peer: PeerID) {
        _ = unsafe unlink(PeerSocket.path(directory, peer))
    }
}
