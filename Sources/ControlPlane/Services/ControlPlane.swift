import ControlPlaneCore
public import Logging
import ServiceLifecycle
import SignalboxProtocol
import UnixSignals

/// One control plane: all its parts, put together in one place.
public struct ControlPlane: Sendable {
    /// How long open requests may take to end once the control plane is told to stop.
    static let shutdownTimeout = Duration.milliseconds(1500)

    let store: Store
    let history: SnapshotHistory
    let workers: WorkersService
    let publisher: DataPlanesPublisher
    let loadMonitor: LoadMonitor
    let peerKeys: PeerKeySource
    let api: AdminAPI
    let services: AdminServices
    let discovery: DiscoveryService
    private let epochRenewal: EpochRenewal
    private let beginDiscovery: AsyncStream<Void>.Continuation

    init(
        store: Store,
        controlSocket: String,
        configuration: ControlPlaneConfiguration,
        http: any OutboundHTTP,
        kubernetes: any OutboundHTTP,
        logger: Logger
    ) {
        let health = FleetHealth(panicPercent: configuration.healthPanicPercent, logger: logger)
        let loads = FleetLoads(interval: .seconds(configuration.loadMonitorIntervalSeconds))
        let history = SnapshotHistory(store: store, logger: logger)
        let probe = WorkerProbe(http: http)
        let publisher = DataPlanesPublisher(
            socketPath: controlSocket,
            source: SnapshotService(store: store, health: health, loads: loads, history: history),
            logger: logger
        )
        let changes = FleetChanges(
            versionCommitted: { publisher.changed() },
            healthChanged: { publisher.healthChanged() }
        )
        let monitor = WorkerMonitor(
            store: store,
            probe: probe,
            health: health,
            changes: changes,
            settings: configuration.probeSettings,
            isHealthCheckDisabled: configuration.isHealthCheckDisabled,
            logger: logger
        )
        let drains = WorkerDrains(
            store: store,
            changes: changes,
            isNew: store.isNew,
            logger: logger,
            removed: { health.end($0) },
            traffic: { publisher.traffic() }
        )
        publisher.observeTraffic { drains.trafficChanged() }
        epochRenewal = EpochRenewal(store: store, publisher: publisher, logger: logger)
        let discoveryInbox = DiscoveryInbox()
        let workers = WorkersService(
            store: store,
            monitor: monitor,
            probe: probe,
            drains: drains,
            changes: changes,
            settings: configuration.probeSettings,
            startupTimeoutSeconds: configuration.workerStartupTimeoutSeconds,
            logger: logger,
            podDismissed: { _ = discoveryInbox.put(.dismissed(uid: $0.uid)) }
        )
        let discoveryStatus = DiscoveryStatus { discoveryInbox.bytes }
        let (begin, beginDiscovery) = AsyncStream<Void>.makeStream()
        self.beginDiscovery = beginDiscovery
        discovery = DiscoveryService(
            settings: configuration.discovery,
            store: store,
            workers: workers,
            http: kubernetes,
            status: discoveryStatus,
            inbox: discoveryInbox,
            logger: logger,
            begin: begin
        )
        let services = AdminServices(
            store: store,
            workers: workers,
            health: health,
            loads: loads,
            fanOut: WorkerFanOut(http: http),
            publisher: publisher,
            discovery: discoveryStatus,
            restart: DataPlaneRestart(descriptor: configuration.restartDescriptor),
            logger: logger
        )
        self.store = store
        self.history = history
        self.workers = workers
        self.publisher = publisher
        self.loadMonitor = LoadMonitor(store: store, probe: probe, loads: loads, changes: changes)
        peerKeys = PeerKeySource(file: configuration.peerKeyFile, publisher: publisher, logger: logger)
        self.api = AdminAPI(services: services, logger: logger)
        self.services = services
    }

    /// Runs a control plane until it is told to stop by SIGTERM, SIGINT or the end of its lifeline.
    ///
    /// - Parameters:
    ///   - http: how workers are asked.
    ///   - kubernetes: how the API server is asked: apart from the workers, so that large lists delay no probe.
    ///   - onReady: called once with the address of the admin API, when everything is open and the workers of the
    ///     command line are registered.
    ///   - onStopping: called once when the control plane begins to stop.
    /// - Throws: ``StartupError``, ``StoreOpenError``: one sentence each.
    public static func run(
        _ configuration: ControlPlaneConfiguration,
        http: any OutboundHTTP,
        kubernetes: any OutboundHTTP,
        logger: Logger,
        onReady: @escaping @Sendable (_ adminAddress: String) -> Void,
        onStopping: @escaping @Sendable () -> Void = {}
    ) async throws {
        let commandLine = try CommandLineIntent(configuration)
        let runtime = try RuntimeDirectory(path: configuration.runtimePath)
        let (store, databaseLock) = try openDatabase(configuration.databasePath)
        defer {
            try? store.close()
            runtime.removeSockets()
            withExtendedLifetime((runtime, databaseLock)) {}
        }
        let plane = ControlPlane(
            store: store,
            controlSocket: runtime.controlSocket,
            configuration: configuration,
            http: http,
            kubernetes: kubernetes,
            logger: logger
        )
        try await plane.workers.restoreHolds()
        do {
            try plane.publisher.open()
        } catch {
            throw StartupError(.cannotCreate, "The socket \(runtime.controlSocket) cannot be opened: \(error)")
        }
        defer { plane.history.flush() }
        try await plane.serve(configuration, commandLine, runtime, logger, onReady, onStopping)
    }

    /// The workers of the database are watched: discovery may add to them.
    func beginDiscovering() {
        beginDiscovery.finish()
    }

    private static func openDatabase(_ path: String) throws -> (Store, FileLock) {
        let path = try DatabasePath.prepare(path)
        let lock = try FileLock(path: "\(path).lock", guarded: "The database \(path)", flag: "--database")
        return (try Store(path: path), lock)
    }

    private func serve(
        _ configuration: ControlPlaneConfiguration,
        _ commandLine: CommandLineIntent,
        _ runtime: RuntimeDirectory,
        _ logger: Logger,
        _ onReady: @escaping @Sendable (String) -> Void,
        _ onStopping: @escaping @Sendable () -> Void
    ) async throws {
        let listeners = OpenListeners()
        let budget = DescriptorBudget.current()
        let servers = [
            AdminServer(
                api: api,
                address: .tcp(host: configuration.adminHost, port: configuration.adminPort),
                limits: ListenerLimits(connectionsMax: budget.admin),
                logger: logger,
                onListening: { listeners.opened(port: $0) }
            ),
            AdminServer(
                api: api,
                address: .unixSocket(path: runtime.adminSocket),
                limits: ListenerLimits(connectionsMax: budget.operators),
                logger: logger,
                onListening: { listeners.opened(port: $0) }
            ),
        ]
        let metrics =
            configuration.prometheusPort == 0
            ? []
            : [
                MetricsServer(
                    host: configuration.prometheusHost,
                    port: configuration.prometheusPort,
                    services: services,
                    directory: MetricsDirectory(path: runtime.metrics, configuration.durationBuckets),
                    buckets: configuration.durationBuckets,
                    limits: ListenerLimits(connectionsMax: budget.metrics),
                    logger: logger,
                    onListening: { _ in listeners.opened(port: nil) }
                )
            ]
        let start = StartService(
            plane: self,
            commandLine: commandLine,
            listeners: listeners,
            listenersCount: servers.count + metrics.count,
            adminHost: configuration.adminHost,
            logger: logger,
            onReady: onReady,
            onStopping: onStopping
        )
        var services: [any Service] = [publisher, peerKeys, loadMonitor, epochRenewal, discovery]
        services += servers
        services += metrics
        if let descriptor = configuration.lifelineDescriptor { services.append(Lifeline(descriptor: descriptor)) }
        services.append(start)
        // The group describes whole services at debug level, which says more than a log should hold.
        var groupLogger = logger
        groupLogger.logLevel = .critical
        var group = ServiceGroupConfiguration(
            services: services.map { service in
                ServiceGroupConfiguration.ServiceConfiguration(
                    service: service,
                    successTerminationBehavior: .gracefullyShutdownGroup
                )
            },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: groupLogger
        )
        group.maximumGracefulShutdownDuration = ControlPlane.shutdownTimeout
        try await ServiceGroup(configuration: group).run()
    }
}
