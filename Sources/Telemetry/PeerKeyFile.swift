public import SignalboxProtocol

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The file of the keys that data planes of several hosts share; both planes read it.
public struct PeerKeyFile: Sendable {
    /// What the file has.
    public struct Content: Equatable, Sendable {
        public var keys: PeerKeyLines
        /// Its group may read it, although its owner, who reads it here, needs no group for that.
        public var isSharedNeedlessly: Bool
    }

    public let path: String

    public init(path: String) {
        self.path = path
    }

    /// Reads the file; refuses one that others may read, or anybody but its owner may write.
    ///
    /// A group may read it: a secret of Kubernetes belongs to root and to the group of the pod (`fsGroup`, mode 0440).
    public func read() throws(PeerKeyError) -> Content {
        // A pipe must not hold the thread.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw PeerKeyFile.systemError() }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw PeerKeyFile.systemError() }
        guard status.st_mode & S_IFMT == S_IFREG else { throw PeerKeyError("it is no regular file") }
        let isOwn = try PeerKeyFile.isOwn(owner: status.st_uid, mode: status.st_mode, reader: geteuid())
        var bytes = [UInt8](repeating: 0, count: PeerKeyLines.fileBytesMax + 1)
        let count = posixRead(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw PeerKeyFile.systemError() }
        guard count <= PeerKeyLines.fileBytesMax else {
            throw PeerKeyError("it is longer than \(PeerKeyLines.fileBytesMax) bytes")
        }
        return Content(
            keys: try PeerKeyLines(file: Array(bytes[..<count])),
            isSharedNeedlessly: isOwn && status.st_mode & 0o040 != 0
        )
    }

    /// Whether the file is the reader's own; throws when it must not be believed, or is no secret.
    static func isOwn(owner: UInt32, mode: UInt32, reader: UInt32) throws(PeerKeyError) -> Bool {
        guard owner == reader || owner == 0 else { throw PeerKeyError("it belongs to another user (\(owner))") }
        guard mode & 0o037 == 0 else {
            throw PeerKeyError(
                "others may use it, or its group may write it (mode \(String(mode & 0o777, radix: 8)));"
                    + " chmod 600 makes it private"
            )
        }
        return owner == reader
    }

    private static func systemError() -> PeerKeyError {
        PeerKeyError(String(cString: strerror(errno)))
    }
}

/// `read(2)`, whose name the method above hides.
private func posixRead(_ descriptor: Int32, _ bytes: inout [UInt8], _ count: Int) -> Int {
    read(descriptor, &bytes, count)
}
