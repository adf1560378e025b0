import CLinux
import DataPlaneCore
import Glibc
import Synchronization

/// Between the thread that speaks with peers and the one that compiles tables.
final class PeerLink: Sendable {
    private let wanted = Atomic<Bool>(false)
    private let copied = Atomic<Bool>(false)
    private let shown = Mutex<[PeerStatus]>([])
    private let silent = Atomic<Int>(0)
    private let refused = Atomic<UInt64>(0)
    private let told = Mutex<[PeerKey]>([])
    /// Other hosts are spoken with, so that a key is needed.
    let wantsKeys: Bool
    /// Woken when the copy is wanted.
    let wakeDescriptor: Int32
    /// Woken when the copy has ended.
    let copiedDescriptor: Int32

    init(wantsKeys: Bool) throws(SystemError) {
        self.wantsKeys = wantsKeys
        wakeDescriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        copiedDescriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard wakeDescriptor >= 0, copiedDescriptor >= 0 else { throw SystemError("eventfd", errno) }
    }

    /// Asks for a copy of a peer's prefix index; ``hasCopied`` says when it is there, or nobody had one in time.
    func wantCopy() {
        wanted.store(true, ordering: .releasing)
        Mailbox.wake(wakeDescriptor)
    }

    var wantsCopy: Bool { wanted.load(ordering: .acquiring) }

    var hasCopied: Bool { copied.load(ordering: .acquiring) }

    func copyEnded() {
        copied.store(true, ordering: .releasing)
        Mailbox.wake(copiedDescriptor)
    }

    /// The keys that the control plane told last; empty: none.
    var toldKeys: [PeerKey] {
        get { told.withLock { $0 } }
        set { told.withLock { $0 = newValue } }
    }

    /// Peers that exist and are not heard.
    var silentCount: Int {
        get { silent.load(ordering: .relaxed) }
        set { silent.store(newValue, ordering: .relaxed) }
    }

    /// Datagrams as if from other hosts that were not taken.
    var refusedCount: UInt64 {
        get { refused.load(ordering: .relaxed) }
        set { refused.store(newValue, ordering: .relaxed) }
    }

    /// The peers that are heard.
    var peers: [PeerStatus] {
        get { shown.withLock { $0 } }
        set { shown.withLock { $0 = newValue } }
    }
}
