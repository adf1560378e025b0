import CLinux
import DataPlaneCore
import Glibc
import Synchronization

/// Turns host names of workers into addresses, on a thread of its own: no request ever waits for DNS.
///
/// Addresses in text form are known at once. Names are looked up when they are first seen and every
/// ``refreshSeconds``; a name that fails keeps the addresses it had.
final class HostResolver: Sendable {
    static let refreshSeconds = 30
    /// Addresses kept per name.
    static let addressesMax = 8

    private struct State {
        var wanted: Set<String> = []
        var addresses: [String: [IPAddress]] = [:]
    }

    private let state = Mutex(State())
    private let wakeDescriptor: Int32
    private let changedDescriptor: Int32

    /// - Parameter changedDescriptor: an event descriptor that is woken when a name has new addresses.
    init(changedDescriptor: Int32) throws(SystemError) {
        self.changedDescriptor = changedDescriptor
        wakeDescriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard wakeDescriptor >= 0 else { throw SystemError("eventfd", errno) }
    }

    /// Says which hosts matter now, and returns what is known of them.
    func addresses(of hosts: Set<String>) -> [String: [IPAddress]] {
        let (known, isNew) = state.withLock { state in
            var isNew = false
            for host in hosts where state.addresses[host] == nil {
                if let literal = HostResolver.literal(host) {
                    state.addresses[host] = [literal]
                } else if !state.wanted.contains(host) {
                    isNew = true
                }
            }
            state.wanted = hosts.filter { HostResolver.literal($0) == nil }
            state.addresses = state.addresses.filter { hosts.contains($0.key) }
            return (state.addresses, isNew)
        }
        if isNew { Mailbox.wake(wakeDescriptor) }
        return known
    }

    /// Looks names up for as long as the process lives; to be run on a thread of its own.
    func run() -> Never {
        var wholeRoundAt = EpollReactor.clock()
        while true {
            let now = EpollReactor.clock()
            let isWholeRound = now >= wholeRoundAt
            if isWholeRound { wholeRoundAt = now.adding(milliseconds: HostResolver.refreshSeconds * 1000) }
            let names = state.withLock { state in
                isWholeRound ? state.wanted : state.wanted.filter { state.addresses[$0] == nil }
            }
            for name in names { lookUp(name) }
            let hasFailures = state.withLock { state in state.wanted.contains { state.addresses[$0] == nil } }
            let pause = max(1, wholeRoundAt.milliseconds - EpollReactor.clock().milliseconds)
            var descriptor = pollfd(fd: wakeDescriptor, events: Int16(POLLIN), revents: 0)
            _ = unsafe poll(&descriptor, 1, Int32(hasFailures ? min(1_000, pause) : pause))
            Mailbox.clear(wakeDescriptor)
        }
    }

    private func lookUp(_ name: String) {
        let found = HostResolver.resolve(name)
        let changed = state.withLock { state in
            guard !found.isEmpty, state.wanted.contains(name), state.addresses[name] != found else { return false }
            state.addresses[name] = found
            return true
        }
        if changed { Mailbox.wake(changedDescriptor) }
    }

    /// An address in text form, or nil when `host` is a name.
    static func literal(_ host: String) -> IPAddress? {
        var bytes = SIMD16<UInt8>(repeating: 0)
        let isIPv6 = host.contains(":")
        let result = unsafe withUnsafeMutableBytes(of: &bytes) {
            unsafe inet_pton(isIPv6 ? AF_INET6 : AF_INET, host, $0.baseAddress)
        }
        return result == 1 ? IPAddress(bytes: bytes, isIPv6: isIPv6) : nil
    }

    /// Asks the system; blocks for as long as that takes.
    private static func resolve(_ name: String) -> [IPAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [IPAddress] = []
        var entry = unsafe list
        while let current = unsafe entry, addresses.count < addressesMax {
            if let address = unsafe current.pointee.ai_addr.flatMap({ unsafe SocketAddress.read($0) })?.address,
                !addresses.contains(address)
            {
                addresses.append(address)
            }
            unsafe entry = unsafe current.pointee.ai_next
        }
        return addresses
    }
}
