import DataPlaneCore
import Glibc
import Logging
import Synchronization

/// The thread that speaks with the other data planes of the host: it carries out what ``PeerExchange`` decides.
final class PeerThread {
    /// How often the folder is looked at for others, in milliseconds; a new one makes itself heard at once.
    private static let lookMilliseconds = 1_000
    /// Datagrams that are read before time is looked at.
    private static let datagramsPerTurn = 64

    private let socket: PeerSocket
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
        socket: PeerSocket,
        exchange: PeerExchange,
        link: PeerLink,
        mailboxes: [Mailbox],
        counters: [ThreadCounters],
        logger: Logger
    ) {
        self.socket = socket
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
                send(exchange.timePassed(at: now, known: known))
                link.peers = exchange.status(at: now)
                link.silentCount = max(0, known.count - exchange.peerCount)
            }
            copy(at: now)
            wait(at: now)
            receive()
        }
    }

    private func look(at now: MonotonicTime) {
        lookAt = now.adding(milliseconds: PeerThread.lookMilliseconds)
        known = socket.others()
    }

    /// Nobody to tell: it sleeps until somebody comes.
    private func wait(at now: MonotonicTime) {
        var descriptors = [
            pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: link.wakeDescriptor, events: Int16(POLLIN), revents: 0),
        ]
        let next = known.isEmpty && !exchange.isCopying ? lookAt : min(lookAt, tickAt)
        _ = unsafe poll(&descriptors, 2, Int32(max(0, next.milliseconds - now.milliseconds)))
        if descriptors[1].revents != 0 { Mailbox.clear(link.wakeDescriptor) }
    }

    private func receive() {
        var isNews = false
        for _ in 0..<PeerThread.datagramsPerTurn {
            guard let bytes = socket.receive() else { break }
            let now = EpollReactor.clock()
            let before = exchange.peerCount
            send(exchange.received(bytes, at: now))
            // One that has just come is answered before the folder is due.
            if exchange.peerCount != before { lookAt = now }
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
            known = socket.others()
            send(exchange.beginCopy(at: now, known: known))
        }
        if !exchange.isCopying { link.copyEnded() }
    }

    private func send(_ outgoing: [PeerExchange.Outgoing]) {
        for datagram in outgoing {
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
