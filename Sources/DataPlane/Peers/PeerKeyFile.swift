import CLinux
import DataPlaneCore
import Glibc

/// The file of the keys that data planes of several hosts share.
struct PeerKeyFile: Sendable {
    private static let bytesMax = 4_096

    let path: String

    /// Reads the file; refuses one that others may read or write.
    func read() throws(PeerKeyError) -> [PeerKey] {
        // A pipe must not hold the thread.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw PeerKeyFile.systemError() }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw PeerKeyFile.systemError() }
        guard status.st_mode & S_IFMT == S_IFREG else { throw PeerKeyError("it is no regular file") }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw PeerKeyError("it belongs to another user (\(status.st_uid))")
        }
        guard status.st_mode & 0o077 == 0 else {
            let mode = String(status.st_mode & 0o777, radix: 8)
            throw PeerKeyError("others than its user may use it (mode \(mode)); chmod 600 makes it private")
        }
        var bytes = [UInt8](repeating: 0, count: PeerKeyFile.bytesMax + 1)
        let count = unsafe Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw PeerKeyFile.systemError() }
        guard count <= PeerKeyFile.bytesMax else {
            throw PeerKeyError("it is longer than \(PeerKeyFile.bytesMax) bytes")
        }
        return try PeerKey.keys(of: Array(bytes[..<count]))
    }

    private static func systemError() -> PeerKeyError {
        PeerKeyError(unsafe String(cString: strerror(errno)))
    }
}
