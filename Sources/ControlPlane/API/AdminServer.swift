import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes
import ServiceLifecycle

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// One listener of the admin API.
struct AdminServer: Service {
    enum Address: Hashable, Sendable {
        case tcp(host: String, port: Int)
        /// Only the user of this process may connect.
        case unixSocket(path: String)
    }

    let api: AdminAPI
    let address: Address
    let limits: ListenerLimits
    let logger: Logger
    /// Called once when the listener is open, with the port of a TCP listener.
    let onListening: @Sendable (Int?) -> Void

    func run() async throws {
        do {
            try await application.run()
        } catch let error as IOError {
            throw startupError(error.errnoCode)
        } catch is SocketAddressError.UnknownHost {
            throw StartupError(
                .usage,
                "The host of the admin API, \(name), is not known. Choose another with --admin-host."
            )
        }
    }

    private var application: some ApplicationProtocol {
        let (bindAddress, transport): (BindAddress, AdminTransport) =
            switch address {
            case .tcp(let host, let port): (.hostname(host, port: port), .tcp)
            case .unixSocket(let path): (.unixDomainSocket(path: path), .unixSocket)
            }
        let (address, name, limits, logger) = (address, name, limits, logger)
        let onListening = onListening
        let connections = ListenerConnections(connectionsMax: limits.connectionsMax)
        // What the framework says below its most serious level is either said better elsewhere or about its own inside.
        var frameworkLogger = logger
        frameworkLogger.logLevel = .critical
        return Application(
            router: api.router(transport),
            server: HTTPServerBuilder { GuardedChannel(responder: $0, limits: limits, connections: connections) },
            configuration: ApplicationConfiguration(
                address: bindAddress,
                serverName: "signalbox",
                availableConnectionsDelegate: RoomForConnections(connections: connections)
            ),
            onServerRunning: { channel in
                await AcceptPause.install(on: channel, connections: connections, listener: name, logger: logger)
                if case .unixSocket(let path) = address { chmod(path, 0o600) }
                onListening(channel.localAddress?.port)
            },
            logger: frameworkLogger
        )
    }

    private var name: String {
        switch address {
        case .tcp(let host, let port): "\(host.contains(":") ? "[\(host)]" : host):\(port)"
        case .unixSocket(let path): path
        }
    }

    private func startupError(_ number: Int32) -> StartupError {
        let flags =
            switch address {
            case .tcp: "--admin-host or --admin-port"
            case .unixSocket: "--runtime-dir"
            }
        let status: StartupError.Status = number == EADDRINUSE ? .inUse : .cannotCreate
        let reason = SystemError.text(number)
        return StartupError(status, "The admin API cannot listen on \(name): \(reason). Choose another with \(flags).")
    }
}
