import DataPlaneCore
import Glibc
import Logging
import Synchronization

/// The thread that speaks with the other data planes, of this host and of others: it carries out what ``PeerExchange`` decides.
final class PeerThread {
    /// How often the folder is looked at for others, in milliseconds; a new one makes itself heard at once.
    private static let lookMilliseconds = 1_000
    /// How soon while names of other hosts are looked up for the first time.
    private static let soonMilliseconds = 100
    /// Datagrams that are read before time is looked at.
    private static let datagramsPerTurn = 64

    /// Nil when those of this host are not spoken with.
    private let socket: PeerSocket?
    /// Nil when those of other hosts are not.
    private let remote: RemotePeerChannel?
    private var exchange: PeerExchange
    private let link: PeerLink
    private let mailboxes: [Mailbox]
    private let counters: [ThreadCounters]
    private let logger: Logger
    private var known: [PeerID] = []
    private var lookAt = MonotonicTime(milliseconds: 0)
    private var tickAt = MonotonicTime(milliseconds: 0)
    private var hasBegunCopy = false

    init(
        socket: PeerSocket?,
        remote: RemotePeerChannel?,
        exchange: PeerExchange,
        link: PeerLink,
        mailboxes: [Mailbox],
        counters: [ThreadCounters],
        logger: Logger
    ) {
        self.socket = socket
        self.remote = remote
        self.exchange = exchange
        self.link = link
        self.mailboxes = mailboxes
        self.counters = counters
        self.logger = logger
    }

    /// Runs for as long as the process lives; to be called on a thread of its own.
    func run() -> Never {
        while true {
            let now = EpollReactor.clock()
            if lookAt <= now { look(at: now) }
            if tickAt <= now {
                tickAt = now.adding(milliseconds: PeerExchange.intervalMilliseconds)
                send(exchange.timePassed(at: now, known: known, tellsOtherHosts: tellsOtherHosts))
                link.peers = exchange.status(at: now)
                let heard = link.peers.count { $0.address == nil }
                let silent = max(0, known.count - heard)
                link.silentCount = silent + (remote?.silentCount ?? 0)
                exchange.noteSilent(silent, at: now)
                link.refusedCount = remote?.refusedCount ?? 0
            }
            copy(at: now)
            wait(at: now)
            receive()
        }
    }

    private func look(at now: MonotonicTime) {
        known = socket?.others() ?? []
        remote?.look(at: now)
        let awaitsAddresses = remote?.awaitsAddresses == true
        lookAt = now.adding(milliseconds: awaitsAddresses ? PeerThread.soonMilliseconds : PeerThread.lookMilliseconds)
    }

    private var tellsOtherHosts: Bool { remote?.addresses.isEmpty == false }

    /// Nobody to tell: it sleeps until somebody comes.
    private func wait(at now: MonotonicTime) {
        var descriptors = [
            pollfd(fd: socket?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: remote?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: link.wakeDescriptor, events: Int16(POLLIN), revents: 0),
        ]
        // Who hears others has to notice when one dies.
        let isAlone = known.isEmpty && !tellsOtherHosts && exchange.peerCount == 0 && !exchange.isCopying
        let next = isAlone ? lookAt : min(lookAt, tickAt)
        _ = unsafe poll(&descriptors, 3, Int32(max(0, next.milliseconds - now.milliseconds)))
        if descriptors[2].revents != 0 { Mailbox.clear(link.wakeDescriptor) }
    }

    private func receive() {
        var isNews = false
        for _ in 0..<PeerThread.datagramsPerTurn {
            guard let bytes = socket?.receive() else { break }
            let now = EpollReactor.clock()
            let before = exchange.peerCount
            send(exchange.received(bytes, at: now))
            // One that has just come is answered before the folder is due.
            if exchange.peerCount != before { lookAt = now }
            isNews = true
        }
        for _ in 0..<PeerThread.datagramsPerTurn {
            guard let received = remote?.receive() else { break }
            guard case .payload(let bytes, let address) = received else { continue }
            send(exchange.received(bytes, at: EpollReactor.clock(), from: address))
            isNews = true
        }
        guard isNews else { return }
        // Room at a worker may have been made elsewhere.
        for (mailbox, counter) in zip(mailboxes, counters) where counter.waiting.load(ordering: .relaxed) > 0 {
            mailbox.post(.room)
        }
    }

    private func copy(at now: MonotonicTime) {
        guard link.wantsCopy, !link.hasCopied else { return }
        if !hasBegunCopy {
            hasBegunCopy = true
            known = socket?.others() ?? []
            send(exchange.beginCopy(at: now, known: known))
        }
        if !exchange.isCopying { link.copyEnded() }
    }

    private func send(_ outgoing: [PeerExchange.Outgoing]) {
        for datagram in outgoing {
            if datagram.isBetweenHosts {
                remote?.send(datagram.bytes)
                continue
            }
            guard let socket else { continue }
            let receivers = datagram.to.map { [$0] } ?? known
            for peer in receivers {
                guard case .dead = socket.send(datagram.bytes, to: peer) else { continue }
                socket.remove(peer)
                known.removeAll { $0 == peer }
                exchange.forget(peer, at: EpollReactor.clock())
            }
        }
    }
}
