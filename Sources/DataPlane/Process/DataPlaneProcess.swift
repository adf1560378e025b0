import CLinux
import DataPlaneCore
import Glibc
public import Logging
import Telemetry

/// One data plane: its threads, and their orderly end. The composition root of `signalbox-proxy`.
public struct DataPlaneProcess {
    /// Blocks of memory from this size on go back to the kernel when they are freed: request bodies that are held.
    private static let mappedBlockBytes: Int32 = 128 * 1024

    private let configuration: DataPlaneConfiguration
    private let listener: Listener
    private let logger: Logger

    public init(configuration: DataPlaneConfiguration, listener: Listener, logger: Logger) {
        self.configuration = configuration
        self.listener = listener
        self.logger = logger
    }

    /// Serves until SIGTERM, SIGINT or the end of the supervisor, and returns when all threads have ended or the time
    /// for that is over.
    public func run() throws(SystemError) {
        var signals = try ShutdownSignals(lifeline: configuration.lifeline)
        signalbox_map_large_blocks(DataPlaneProcess.mappedBlockBytes)
        let descriptors = DescriptorLimit.raise()
        if descriptors < 4096 {
            logger.warning(
                "Few descriptors are allowed; raise the limit (ulimit -n) to serve many clients.",
                metadata: ["limit": "\(descriptors)"]
            )
        }
        let metrics = metricsFile()
        let cells = (0..<configuration.threads).map {
            metrics?.cells(thread: $0) ?? MetricCells(configuration.durationBuckets)
        }
        let shared = SharedState(
            slotsMax: DataPlaneConfiguration.workerSlotsMax,
            prefixIndexBytes: configuration.prefixIndexBytes,
            workerRows: metrics?.workerRows(cells)
                ?? (configuration.metricsListener == nil ? nil : WorkerRows(cells: cells)),
            at: EpollReactor.clock()
        )
        let accessLog = configuration.accessLog.map { AccessLog($0, threads: configuration.threads) }
        let drainFlag = DrainFlag()
        var mailboxes: [Mailbox] = []
        var counters: [ThreadCounters] = []
        for thread in 0..<configuration.threads {
            mailboxes.append(try Mailbox())
            counters.append(
                ThreadCounters(thread: thread, metrics: cells[thread], accessRing: accessLog?.rings[thread])
            )
        }
        let spools = try SpoolQueue()
        start(
            SpoolThread(directory: configuration.spoolDirectory, queue: spools, mailboxes: mailboxes, logger: logger)
        )
        let threads = try startThreads(mailboxes, counters, shared, spools, connectionsMax: connectionsMax(descriptors))
        if let metricsListener = configuration.metricsListener {
            let (id, buckets) = (configuration.id, configuration.durationBuckets)
            Thread.startOrExit(name: "metrics", logger: logger) { [counters] in
                metricsListener.run(id: id, counters, buckets, shared)
            }
        }
        if let accessLog { Thread.startOrExit(name: "access-log", logger: logger) { accessLog.run() } }
        let operatorSocket = startOperatorSocket(shared)
        let peers = startPeers(shared, mailboxes, counters)
        let subscription = try Subscription(
            path: configuration.controlSocketPath,
            id: configuration.id,
            mailboxes: mailboxes,
            counters: counters,
            shared: shared,
            drainFlag: drainFlag,
            peers: peers?.link,
            cache: configuration.snapshotCachePath.map { SnapshotCache(path: $0, logger: logger) },
            readyDescriptor: configuration.readyDescriptor,
            logger: logger
        )
        start(subscription)
        logger.info(
            "The data plane serves.",
            metadata: [
                "address": "\(listener.address)", "id": "\(configuration.id)", "threads": "\(configuration.threads)",
            ]
        )
        waitForEnd(&signals, mailboxes)
        drainFlag.raise()
        if leave(&signals, mailboxes) { drain(&signals, mailboxes, threads) }
        cut(mailboxes, threads)
        accessLog?.finish()
        if let socket = peers?.socket { socket.remove(socket.id) }
        operatorSocket?.remove()
    }

    /// Begins to answer operators; a data plane that cannot serves all the same.
    private func startOperatorSocket(_ shared: SharedState) -> OperatorSocket? {
        guard let directory = configuration.operatorDirectory else { return nil }
        do throws(SystemError) {
            let socket = try OperatorSocket(directory: directory, id: configuration.id, shared: shared)
            Thread.startOrExit(name: "operator", logger: logger) { socket.run() }
            return socket
        } catch {
            logger.warning(
                "Operators cannot ask this data plane (--operator-directory).",
                metadata: ["folder": "\(directory)", "reason": "\(error)"]
            )
            return nil
        }
    }

    /// Where the threads count; without the file they serve all the same.
    private func metricsFile() -> MetricsFile? {
        guard let directory = configuration.metricsDirectory else { return nil }
        do throws(SystemError) {
            var generator = SystemRandomNumberGenerator()
            return try MetricsFile(
                directory: directory,
                name: configuration.id,
                run: PeerID.random(using: &generator),
                threads: configuration.threads,
                configuration.durationBuckets
            )
        } catch {
            logger.warning(
                "What this data plane counts cannot be read (--metrics-directory); it serves all the same.",
                metadata: ["folder": "\(directory)", "reason": "\(error)"]
            )
            return nil
        }
    }

    /// Begins to speak with the other data planes; one that cannot serves alone.
    private func startPeers(
        _ shared: SharedState,
        _ mailboxes: [Mailbox],
        _ counters: [ThreadCounters]
    ) -> (link: PeerLink, socket: PeerSocket?)? {
        let directory = configuration.peersDirectory
        guard directory != nil || configuration.remotePeers != nil else { return nil }
        do throws(SystemError) {
            var generator = SystemRandomNumberGenerator()
            let id = PeerID.random(using: &generator)
            var socket: PeerSocket?
            if let directory { socket = try PeerSocket(directory: directory, id: id) }
            let link = try PeerLink(wantsKeys: configuration.remotePeers != nil)
            let remote = configuration.remotePeers.map { RemotePeerChannel($0, id: id, link: link, logger: logger) }
            let thread = PeerThread(
                socket: socket,
                remote: remote,
                exchange: PeerExchange(id: id, name: configuration.id, shared: shared),
                link: link,
                mailboxes: mailboxes,
                counters: counters,
                logger: logger
            )
            // Owned by the thread "peers" from here on: nothing else keeps a reference; what others need is in the link.
            nonisolated(unsafe) let handedOver = thread
            Thread.startOrExit(name: "peers", servesRequests: true, logger: logger) { unsafe handedOver.run() }
            if let addresses = configuration.remotePeers?.addresses {
                Thread.startOrExit(name: "peer-addresses", logger: logger) { addresses.run() }
            }
            return (link, socket)
        } catch {
            logger.warning(
                "Other data planes are not heard (--peers-directory): this one routes by what it knows alone.",
                metadata: ["folder": "\(directory ?? "")", "reason": "\(error)"]
            )
            return nil
        }
    }

    /// Serves on for a while and says that it is not ready, so that whoever balances over it looks elsewhere.
    ///
    /// - Returns: false when a second signal wants the end at once.
    private func leave(_ signals: inout ShutdownSignals, _ mailboxes: [Mailbox]) -> Bool {
        for mailbox in mailboxes { mailbox.post(.leave) }
        guard configuration.shutdownDelaySeconds > 0, !signals.isOrphan else { return true }
        if case .signal = signals.wait(milliseconds: configuration.shutdownDelaySeconds * 1000) {
            logger.warning("A second signal: requests that are still served are cut.")
            return false
        }
        return true
    }

    /// Ends what is still served, so that its clients see it.
    private func cut(_ mailboxes: [Mailbox], _ threads: ThreadGroup) {
        for mailbox in mailboxes { mailbox.post(.cut) }
        for mailbox in mailboxes { mailbox.post(.drain) }
        threads.waitForEnd(milliseconds: DataPlaneConfiguration.cutMilliseconds)
    }

    /// Connections of one thread, clients' and workers' together; a few descriptors are left for everything else.
    private func connectionsMax(_ descriptors: Int) -> Int {
        max(16, (descriptors - 32) / configuration.threads)
    }

    private func startThreads(
        _ mailboxes: [Mailbox],
        _ counters: [ThreadCounters],
        _ shared: SharedState,
        _ spools: SpoolQueue,
        connectionsMax: Int
    ) throws(SystemError) -> ThreadGroup {
        let group = try ThreadGroup(count: mailboxes.count)
        let listener = listener
        let engineConfiguration = configuration.engine.with(connectionsMax: connectionsMax)
        let logger = logger
        let threads = mailboxes.count
        let acceptingThreads = AcceptingThreads(count: threads, listener: listener)
        for index in mailboxes.indices {
            let counter = counters[index]
            let others = counters.indices.filter { $0 != index }.map { counters[$0] }
            let seed = UInt64.random(in: 0 ... .max)
            group.start(name: "proxy-\(index)", logger: logger) {
                do throws(SystemError) {
                    let engine = ProxyEngine(
                        configuration: engineConfiguration,
                        shared: shared,
                        counters: counter,
                        otherCounters: others,
                        seed: seed
                    )
                    var thread = try ProxyThread(
                        engine: engine,
                        mailboxes: mailboxes,
                        listener: listener,
                        acceptingThreads: acceptingThreads,
                        spools: spools,
                        connectionsMax: connectionsMax,
                        thread: index,
                        threads: threads
                    )
                    thread.run()
                } catch {
                    logger.critical("A proxy thread cannot start.", metadata: ["error": "\(error)"])
                    exit(70)
                }
            }
        }
        return group
    }

    private func start(_ spoolThread: SpoolThread) {
        // Handed over whole, as the subscription.
        nonisolated(unsafe) let handedOver = spoolThread
        Thread.startOrExit(name: "spool", servesRequests: true, logger: logger) { unsafe handedOver.run() }
    }

    private func start(_ subscription: Subscription) {
        // The subscription is handed over whole: from here on only its own thread touches it.
        nonisolated(unsafe) let handedOver = subscription
        Thread.startOrExit(name: "subscription", logger: logger) { unsafe handedOver.run() }
    }

    /// Connections are taken from the first snapshot on, or after a while without one: a health check wants an answer.
    private func waitForEnd(_ signals: inout ShutdownSignals, _ mailboxes: [Mailbox]) {
        let first = signals.wait(milliseconds: DataPlaneConfiguration.firstSnapshotMilliseconds)
        guard case .timeout = first else {
            logEnd(first)
            return
        }
        for mailbox in mailboxes { mailbox.post(.accept) }
        logEnd(signals.wait(milliseconds: nil))
    }

    private func logEnd(_ event: ShutdownSignals.Event) {
        switch event {
        case .supervisorGone: logger.warning("The supervisor is gone; the data plane drains and ends.")
        case .signal, .timeout, .other: logger.info("The data plane drains and ends.")
        }
    }

    private func drain(_ signals: inout ShutdownSignals, _ mailboxes: [Mailbox], _ threads: ThreadGroup) {
        for mailbox in mailboxes { mailbox.post(.drain) }
        var deadline = EpollReactor.clock().adding(milliseconds: configuration.shutdownGraceSeconds * 1000)
        if configuration.lifeline != nil && signals.isOrphan {
            deadline = EpollReactor.clock().adding(milliseconds: DataPlaneConfiguration.orphanGraceMilliseconds)
        }
        while true {
            let left = deadline.milliseconds - EpollReactor.clock().milliseconds
            switch signals.wait(milliseconds: max(0, left), other: threads.endedDescriptor) {
            case .other: return
            case .signal:
                logger.warning("A second signal: requests that are still served are cut.")
                return
            case .timeout:
                logger.warning("The time to drain is over: requests that are still served are cut.")
                return
            case .supervisorGone:
                deadline = min(
                    deadline,
                    EpollReactor.clock().adding(milliseconds: DataPlaneConfiguration.orphanGraceMilliseconds)
                )
            }
        }
    }
}
