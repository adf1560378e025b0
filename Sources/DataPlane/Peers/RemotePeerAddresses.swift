import DataPlaneCore
import Glibc
import Synchronization

/// The addresses of data planes on other hosts, looked up on a thread of its own: an exchange never waits for DNS.
final class RemotePeerAddresses: Sendable {
    static let refreshSeconds: UInt32 = 60
    /// How soon a name that has no address is looked up again.
    static let retrySeconds: UInt32 = 5
    /// Most addresses in all.
    static let addressesMax = 64

    private let peers: [HostPort]
    private let family: Int32
    private let found = Mutex<[HostPort: [UpstreamAddress]]>([:])

    init(_ peers: [HostPort], family: Int32) {
        self.peers = peers
        self.family = family
    }

    /// Nobody is to be told anything.
    var isEmpty: Bool { peers.isEmpty }

    /// All addresses of all names: one name may stand for many data planes.
    var all: [UpstreamAddress] {
        var addresses: [UpstreamAddress] = []
        found.withLock { found in
            for peer in peers {
                for address in found[peer] ?? [] where !addresses.contains(address) { addresses.append(address) }
            }
        }
        return Array(addresses.prefix(RemotePeerAddresses.addressesMax))
    }

    /// Names that never had an address.
    var unresolvedCount: Int { found.withLock { found in peers.count { found[$0] == nil } } }

    /// Looks names up for as long as the process lives; to be called on a thread of its own.
    func run() -> Never {
        while true {
            for peer in peers {
                let addresses = peer.resolve(family: family)
                // A name that fails keeps the addresses it had.
                if !addresses.isEmpty { found.withLock { $0[peer] = addresses } }
            }
            sleep(unresolvedCount > 0 ? RemotePeerAddresses.retrySeconds : RemotePeerAddresses.refreshSeconds)
        }
    }
}
