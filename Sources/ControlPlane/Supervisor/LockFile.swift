internal import CLinux
internal import Glibc

/// A file that one process at a time holds locked; the lock lasts until the value ends or the process dies.
///
/// The file says who holds it. It stays where it is afterwards: removing it would let two processes lock two files of
/// one name.
public struct LockFile: ~Copyable, Sendable {
    private let descriptor: Descriptor

    /// - Parameters:
    ///   - guarded: what the lock protects, as the sentence for the second process names it.
    ///   - flag: the flag that names another place.
    public init(path: String, guarded: String, flag: String) throws(LaunchError) {
        guard let descriptor = Descriptor(taking: open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)) else {
            throw .cannotCreate("'\(path)' cannot be opened (\(systemReason())); choose another \(flag).")
        }
        guard flock(descriptor.number, LOCK_EX | LOCK_NB) == 0 else {
            let owner = LockFile.owner(descriptor)
            throw .inUse("Another launch\(owner) uses \(guarded); stop it or choose another \(flag).")
        }
        let text = Array("\(getpid())\n".utf8)
        ftruncate(descriptor.number, 0)
        pwrite(descriptor.number, text, text.count, 0)
        self.descriptor = descriptor
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
