import FoundationEssentials

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A lock that this process holds on a file until it ends, however it ends.
///
/// The file says who holds it; it stays where it is afterwards, because removing it would let two processes lock two
/// files of one name.
final class FileLock: Sendable {
    let path: String
    private let descriptor: Int32

    /// - Parameters:
    ///   - guarded: what the lock protects, as the sentence for the second process names it.
    ///   - flag: the flag that names another place.
    init(path: String, guarded: String, flag: String) throws(StartupError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StartupError(
                .cannotCreate,
                "Cannot create \(path): \(SystemError.text(errno)). Choose another with \(flag)."
            )
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let holder = FileLock.holder(descriptor)
            close(descriptor)
            let process = holder.map { " (process \($0))" } ?? ""
            throw StartupError(
                .inUse,
                "\(guarded) is in use by another control plane\(process): \(path) is locked. "
                    + "End that one or choose another with \(flag)."
            )
        }
        self.path = path
        self.descriptor = descriptor
        noteHolder()
    }

    deinit {
        close(descriptor)
    }

    private func noteHolder() {
        var text = "\(getpid())\n"
        _ = ftruncate(descriptor, 0)
        _ = text.withUTF8 { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }

    private static func holder(_ descriptor: Int32) -> Int? {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        return Int(String(decoding: bytes.prefix(max(0, count)).prefix { $0 != 0x0A }, as: UTF8.self))
    }
}

/// Error numbers of the operating system in words.
enum SystemError {
    static func text(_ number: Int32) -> String {
        String(cString: strerror(number))
    }
}
