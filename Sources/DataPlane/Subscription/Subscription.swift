import CLinux
import DataPlaneCore
import Glibc
import Logging
import SignalboxProtocol
import Synchronization

/// The thread that talks to the control plane: it carries out what ``SubscriptionState`` decides, compiles tables and
/// hands them to the proxy threads.
final class Subscription {
    private let path: String
    let mailboxes: [Mailbox]
    let counters: [ThreadCounters]
    let shared: SharedState
    let logger: Logger
    let resolver: HostResolver
    /// Woken when every thread has swapped to a table.
    let appliedDescriptor: Int32
    /// Woken when a host name has new addresses.
    private let addressesDescriptor: Int32
    /// Woken when the data plane's own probes have ended.
    let outcomesDescriptor: Int32
    let prober: WorkerProber
    let drainFlag: DrainFlag
    /// The thread that speaks with other data planes; nil without one.
    let peers: PeerLink?
    /// The first table waits for the copy of a peer's prefix index.
    var isHeld = false

    var state: SubscriptionState
    var generator = SystemRandomNumberGenerator()
    var compiler: RoutingTableCompiler
    private var socketDescriptor: Int32 = -1
    private var unsent: [UInt8] = []
    /// What is served: the newest snapshot and the newest observations.
    var current: (snapshot: Snapshot, digest: SnapshotDigest)?
    var known = WorkerObservations()
    /// What the data plane finds out by itself; nil while the control plane is heard.
    var localHealth: LocalHealth?
    /// The update that is on its way to the threads, and whether its snapshot has to be acknowledged.
    var update: (update: TableUpdate, report: Report)?
    /// The lines of the snapshot that is on its way to the threads, for the cache.
    var lines: [UInt8] = []
    let cache: SnapshotCache?
    var readyDescriptor: Int32?
    /// When the cache is looked at; nil when it was, or there is none.
    private var cacheDueAt: MonotonicTime?
    private var hasSaidDisconnected = false
    /// How much of prompts each worker is thought to have.
    var census = PrefixCensus()
    /// The workers that have a learned limit, and when that is looked at next.
    var limited: Set<IncarnationID> = []
    var limitsDueAt = MonotonicTime(milliseconds: 0)
    /// Memory was trimmed behind the first table.
    var hasTrimmed = false

    /// What is due when every thread has swapped to a table.
    enum Report {
        case nothing
        case acknowledge
        /// The snapshot is that of the cache.
        case restored
    }

    /// For how long the control plane must be silent before the data plane probes by itself, in milliseconds.
    static let silenceMilliseconds = 3_000

    /// How long a control plane may take to send a snapshot before the cache is used, in milliseconds.
    private static let cacheDelayMilliseconds = 500

    init(
        path: String,
        id: String,
        mailboxes: [Mailbox],
        counters: [ThreadCounters],
        shared: SharedState,
        drainFlag: DrainFlag,
        peers: PeerLink?,
        cache: SnapshotCache?,
        readyDescriptor: Int32?,
        logger: Logger
    ) throws(SystemError) {
        self.path = path
        self.mailboxes = mailboxes
        self.counters = counters
        self.drainFlag = drainFlag
        self.peers = peers
        self.cache = cache
        self.readyDescriptor = readyDescriptor
        self.logger = logger
        appliedDescriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        addressesDescriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        outcomesDescriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard appliedDescriptor >= 0, addressesDescriptor >= 0, outcomesDescriptor >= 0 else {
            throw SystemError("eventfd", errno)
        }
        prober = try WorkerProber(outcomesDescriptor: outcomesDescriptor)
        resolver = try HostResolver(changedDescriptor: addressesDescriptor)
        compiler = RoutingTableCompiler(shared)
        self.shared = shared
        let now = EpollReactor.clock()
        if cache != nil { cacheDueAt = now.adding(milliseconds: Subscription.cacheDelayMilliseconds) }
        state = SubscriptionState(
            id: id,
            pid: Int(getpid()),
            secrets: peers?.wantsKeys == true ? [SecretName.peerKeys] : nil,
            now: now
        )
    }

    /// Runs for as long as the process lives; to be called on a thread of its own.
    func run() -> Never {
        let resolver = resolver
        Thread.startOrExit(name: "resolver", logger: logger) { resolver.run() }
        let prober = prober
        Thread.startOrExit(name: "prober", logger: logger) { prober.run() }
        while true {
            // What has arrived is heard before silence is judged: compiling a large table takes its time.
            if socketDescriptor >= 0 { receive() }
            let applied = state.applied
            perform { try state.timePassed(at: EpollReactor.clock(), heartbeat: heartbeat(applied)) }
            lookIntoCache()
            probeWorkers()
            reviewLimits()
            wait()
        }
    }

    // MARK: - Waiting

    private func wait() {
        var descriptors = [
            pollfd(fd: appliedDescriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: addressesDescriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: outcomesDescriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: peers?.copiedDescriptor ?? -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: socketDescriptor, events: Int16(POLLIN | (unsent.isEmpty ? 0 : POLLOUT)), revents: 0),
        ]
        let now = EpollReactor.clock()
        let wakeAt = [state.wakeAt, cacheDueAt, localHealth?.nextDue].compactMap(\.self).min()
        let pause = wakeAt.map { max(0, $0.milliseconds - now.milliseconds) } ?? 1_000
        let count = nfds_t(socketDescriptor >= 0 ? 5 : 4)
        guard unsafe poll(&descriptors, count, Int32(min(pause, 1_000))) > 0 else { return }
        if descriptors[0].revents != 0 { reportApplied() }
        if descriptors[1].revents != 0 {
            Mailbox.clear(addressesDescriptor)
            recompile()
        }
        if descriptors[2].revents != 0 { takeProbes() }
        if descriptors[3].revents != 0 { releaseFirstTable() }
        guard socketDescriptor >= 0, descriptors[4].revents != 0 else { return }
        if descriptors[4].revents & Int16(POLLOUT) != 0 { flush() }
        if descriptors[4].revents & ~Int16(POLLOUT) != 0 { receive() }
    }

    // MARK: - Carrying out decisions

    func perform(_ decide: () throws -> [SubscriptionState.Action]) {
        do {
            for action in try decide() { perform(action) }
        } catch {
            logger.error("A message to the control plane cannot be encoded.", metadata: ["error": "\(error)"])
            disconnect(reason: "internal error")
        }
    }

    private func perform(_ action: SubscriptionState.Action) {
        switch action {
        case .connect: connect()
        case .send(let bytes): send(bytes)
        case .close(let reason): disconnect(reason: reason)
        case .apply(let snapshot, let digest, let lines): apply(snapshot, digest, lines)
        case .restore(let snapshot, let digest): restore(snapshot, digest)
        case .observe(let newHealth): observe(newHealth)
        case .keep(let secrets): keep(secrets)
        }
    }

    /// Keys of the control plane are for the thread that speaks with other hosts; nothing else keeps them.
    private func keep(_ secrets: SecretsMessage) {
        guard let peers, let keys = secrets.peerKeys else { return }
        do throws(PeerKeyError) {
            peers.toldKeys = PeerKey.keys(try PeerKeyLines(keys))
        } catch {
            logger.warning("The control plane told peer keys that cannot be used.", metadata: ["reason": "\(error)"])
        }
    }

    private func observe(_ newHealth: HealthMessage) {
        if localHealth != nil {
            // What it says nothing of yet stays as it was found here.
            _ = known.take(observations)
            localHealth = nil
            logger.notice("The control plane observes the workers again.")
        }
        let isNews = known.take(newHealth)
        compiler.note(newHealth.loads ?? [], at: EpollReactor.clock())
        // Loads come often, and do not change who may be picked.
        if isNews { recompile() }
    }

    /// The control plane is late: what was served before this process is served until it comes.
    private func lookIntoCache() {
        guard let cache, let dueAt = cacheDueAt, dueAt <= EpollReactor.clock() else { return }
        cacheDueAt = nil
        guard current == nil, let (snapshot, digest) = cache.load() else { return }
        perform { state.found(snapshot, digest) }
    }

    // MARK: - The socket

    private func connect() {
        let descriptor = socket(
            AF_UNIX,
            Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue),
            0
        )
        let result = unsafe SocketAddress.withPointer(to: .unix(path)) { unsafe Glibc.connect(descriptor, $0, $1) }
        guard descriptor >= 0, result == 0 else {
            let reason = unsafe result == nil ? "the path is longer than 107 bytes" : String(cString: strerror(errno))
            if descriptor >= 0 { close(descriptor) }
            sayDisconnected(reason)
            state.disconnected(at: EpollReactor.clock(), using: &generator)
            return
        }
        socketDescriptor = descriptor
        unsent = []
        hasSaidDisconnected = false
        logger.info("Connected to the control plane.", metadata: ["socket": "\(path)"])
        perform { try state.connected(at: EpollReactor.clock()) }
    }

    private func disconnect(reason: String) {
        guard socketDescriptor >= 0 else { return }
        close(socketDescriptor)
        socketDescriptor = -1
        shared.origin.lost(at: EpollReactor.clock())
        sayDisconnected(reason)
        state.disconnected(at: EpollReactor.clock(), using: &generator)
    }

    /// Says once that the control plane is away; what is served stays as it is.
    private func sayDisconnected(_ reason: String) {
        guard !hasSaidDisconnected else { return }
        hasSaidDisconnected = true
        logger.warning(
            current == nil
                ? "The control plane is away and no snapshot has come yet (--control-socket)."
                : "The control plane is away; the last snapshot is served on.",
            metadata: ["socket": "\(path)", "reason": "\(reason)"]
        )
    }

    private func receive() {
        var bytes = [UInt8](repeating: 0, count: 64 * 1024)
        while socketDescriptor >= 0 {
            let count = unsafe recv(socketDescriptor, &bytes, bytes.count, 0)
            if count > 0 {
                shared.origin.heard()
                let piece = Array(bytes[0..<count])
                perform { try state.received(piece, at: EpollReactor.clock()) }
            } else if count < 0 && (errno == EAGAIN || errno == EINTR) {
                return
            } else {
                unsafe disconnect(reason: count == 0 ? "it closed the connection" : String(cString: strerror(errno)))
            }
        }
    }

    private func send(_ bytes: [UInt8]) {
        guard socketDescriptor >= 0 else { return }
        unsent += bytes
        flush()
    }

    private func flush() {
        while !unsent.isEmpty {
            let sent = unsafe Glibc.send(socketDescriptor, unsent, unsent.count, Int32(MSG_NOSIGNAL))
            guard sent > 0 else {
                if sent < 0 && errno != EAGAIN && errno != EINTR {
                    unsafe disconnect(reason: String(cString: strerror(errno)))
                }
                return
            }
            unsent.removeFirst(sent)
        }
    }
}
