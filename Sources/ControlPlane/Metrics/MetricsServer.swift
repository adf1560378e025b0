import ControlPlaneCore
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle
import SignalboxProtocol
import Telemetry

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The listener that Prometheus asks, apart from the admin API: whatever the path, as in the original.
struct MetricsServer: Service {
    let host: String
    let port: Int
    let services: AdminServices
    let directory: MetricsDirectory
    let buckets: DurationBuckets
    let limits: ListenerLimits
    let logger: Logger
    /// Called once when the listener is open, with its port.
    let onListening: @Sendable (Int?) -> Void

    func run() async throws {
        do {
            try await application.run()
        } catch let error as IOError {
            let status: StartupError.Status = error.errnoCode == EADDRINUSE ? .inUse : .cannotCreate
            throw StartupError(
                status,
                "Metrics cannot be served on \(host):\(port): \(SystemError.text(error.errnoCode)). "
                    + "Choose another with --prometheus-host or --prometheus-port; 0 serves none."
            )
        } catch is SocketAddressError.UnknownHost {
            throw StartupError(.usage, "The host of --prometheus-host, \(host), is not known.")
        }
    }

    private var application: some ApplicationProtocol {
        var frameworkLogger = logger
        frameworkLogger.logLevel = .critical
        let router = Router()
        router.get("/") { _, _ in try await answer() }
        router.get("**") { _, _ in try await answer() }
        let onListening = onListening
        let (name, limits, logger) = ("\(host):\(port)", limits, logger)
        let connections = ListenerConnections(connectionsMax: limits.connectionsMax)
        return Application(
            router: router,
            server: HTTPServerBuilder { GuardedChannel(responder: $0, limits: limits, connections: connections) },
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: port),
                serverName: "signalbox",
                availableConnectionsDelegate: RoomForConnections(connections: connections)
            ),
            onServerRunning: { channel in
                await AcceptPause.install(on: channel, connections: connections, listener: name, logger: logger)
                onListening(channel.localAddress?.port)
            },
            logger: frameworkLogger
        )
    }

    private func answer() async throws -> Response {
        let committed = try await services.store.workersWithVersion()
        let metrics = FleetMetrics(
            counts: directory.read(Set(committed.value.map(\.incarnation))),
            buckets: buckets,
            dataPlanes: services.publisher.statuses(),
            workers: committed.value,
            observed: services.health.observedAll(),
            traffic: services.publisher.traffic(),
            version: committed.version,
            observerSuspected: services.health.suspicion != nil,
            discovery: services.discovery.current,
            probes: services.health.probes,
            process: ProcessUsage.current()
        )
        return Response(
            status: .ok,
            headers: [.contentType: PrometheusText.contentType],
            body: ResponseBody(byteBuffer: ByteBuffer(string: metrics.text()))
        )
    }
}
