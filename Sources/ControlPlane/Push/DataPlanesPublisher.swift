internal import Dispatch
internal import FoundationEssentials
public import Logging
internal import NIOCore
internal import NIOPosix
public import ServiceLifecycle
public import SignalboxProtocol
internal import Synchronization

/// Sends every data plane the newest snapshot and the newest health, and knows how far each of them is.
///
/// It has an event loop of its own for the sockets and two queues for building, so that neither a slow data plane nor a
/// large snapshot delays anything else. All decisions are values: ``DataPlaneRegistry``, ``PublicationSchedule``.
public final class DataPlanesPublisher: Service {
    /// How often silence and heartbeats are looked at: a fifth of the interval.
    private static let tick = TimeAmount.milliseconds(Int64(Heartbeat.intervalMilliseconds / 5))

    struct Wait: Sendable {
        var version: SnapshotVersion
        /// The data planes that were connected when the wait began.
        var expected: Set<String>
        var continuation: CheckedContinuation<[String], Never>
    }

    struct Opened: Sendable {
        var group: MultiThreadedEventLoopGroup
        var listener: any Channel
    }

    struct State: Sendable {
        var registry = DataPlaneRegistry()
        var channels: [DataPlaneRegistry.ConnectionID: any Channel] = [:]
        var waits: [UInt64: Wait] = [:]
        var snapshots = PublicationSchedule()
        var observations = PublicationSchedule()
        var failure: PublicationFailure?
        var trafficObserver: (@Sendable () -> Void)?
        var greetingObserver: (@Sendable (SnapshotVersion) -> Void)?
        var opened: Opened?
        var isStopped = false
    }

    private let socketPath: String
    let source: any SnapshotSource
    let logger: Logger
    let state = Mutex(State())
    let lastID = Atomic<UInt64>(0)
    let snapshotQueue = DispatchQueue(label: "publish-snapshots")
    let healthQueue = DispatchQueue(label: "publish-health")

    public init(socketPath: String, source: any SnapshotSource, logger: Logger) {
        self.socketPath = socketPath
        self.source = source
        self.logger = logger
    }

    var now: ContinuousClock.Instant { ContinuousClock.now }

    /// Opens the listening socket. Call it before ``run()``, under the lock of the runtime directory, so that a start
    /// that cannot work fails at once.
    ///
    /// - Throws: ``ControlSocketError``.
    public func open() throws {
        let descriptor = try ControlSocket.listen(path: socketPath)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let heartbeat = ByteBuffer(bytes: try LineCoding.encode(ControlPlaneMessage.heartbeat))
        let listener = try ServerBootstrap(group: group)
            .childChannelInitializer { [self] channel in
                PeerCredentials.of(channel).flatMapThrowing { [self] peer in
                    guard let peer, peer.isTrusted else { throw UntrustedPeer() }
                    let connection = lastID.add(1, ordering: .relaxed).newValue
                    try channel.pipeline.syncOperations.addHandler(
                        DataPlaneConnection(connection: connection, publisher: self, heartbeat: heartbeat)
                    )
                }
            }
            .withBoundSocket(descriptor)
            .wait()
        state.withLock { $0.opened = Opened(group: group, listener: listener) }
    }

    /// Publishes until the service group shuts down or the task is cancelled; then closes every connection.
    public func run() async throws {
        guard let opened = state.withLock({ $0.opened }) else {
            preconditionFailure("open() must be called before run()")
        }
        let ticks = opened.group.next().scheduleRepeatedTask(
            initialDelay: DataPlanesPublisher.tick,
            delay: DataPlanesPublisher.tick
        ) { [weak self] _ in self?.tick() }
        perform(state.withLock { $0.snapshots.started(at: now) }, as: .snapshot)
        perform(state.withLock { $0.observations.started(at: now) }, as: .health)
        try? await gracefulShutdown()
        ticks.cancel()
        let channels = state.withLock { state in
            state.isStopped = true
            state.snapshots.stopped()
            state.observations.stopped()
            return Array(state.channels.values)
        }
        for channel in channels + [opened.listener] { try? await channel.close() }
        try await opened.group.shutdownGracefully()
        settleWaits()
    }

    /// A change was committed: the newest state is built and sent, at once when idle. Returns at once.
    public func changed() {
        perform(state.withLock { $0.snapshots.changed(at: now) }, as: .snapshot)
    }

    /// An observation changed: the whole health is sent again, at once when idle. Returns at once.
    public func healthChanged() {
        perform(state.withLock { $0.observations.changed(at: now) }, as: .health)
    }

    /// The secrets of data planes changed: they are sent to those that asked for them. Returns at once.
    func publish(_ secrets: SecretsMessage) {
        do {
            try state.withLock { try $0.registry.publish(secrets) }
            announceOutput()
        } catch {
            // What is wrong with it is not said: the error might show it.
            logger.error("The secrets of data planes could not be encoded.")
        }
    }

    /// Has `observer` called whenever a data plane told something or left; it must return at once.
    public func observeTraffic(_ observer: @escaping @Sendable () -> Void) {
        state.withLock { $0.trafficObserver = observer }
    }

    /// Has `observer` called with what a data plane served that connects; it must return at once.
    public func observeGreetings(_ observer: @escaping @Sendable (_ applied: SnapshotVersion) -> Void) {
        state.withLock { $0.greetingObserver = observer }
    }

    /// The data planes, connected or gone for less than ten minutes, by name.
    public func statuses() -> [DataPlaneStatus] {
        state.withLock { $0.registry.statuses(at: now, wallClock: Date()) }
    }

    /// Why the newest state is not published; nil when it is.
    public func publicationFailure() -> PublicationFailure? {
        state.withLock { $0.failure }
    }
}

/// A process of another user tried to connect.
private struct UntrustedPeer: Error {}
