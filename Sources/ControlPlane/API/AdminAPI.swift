import HTTPTypes
import Hummingbird
import Logging

/// The admin API: all its routes, the same on the TCP port and on the Unix socket.
struct AdminAPI: Sendable {
    let services: AdminServices
    let logger: Logger

    /// Every operation; `openapi/control-plane.yaml` describes the same ones.
    var routes: [AdminRoute] {
        OriginalWorkerRoutes(services: services).routes
            + WorkerRoutes(services: services).routes
            + FanOutRoutes(services: services).routes
            + PolicyRoutes(services: services).routes
            + SettingsRoutes(services: services).routes
            + ModelRoutes(services: services).routes
            + HistoryRoutes(services: services).routes
            + DiscoveryRoutes(services: services).routes
            + StatusRoutes(services: services).routes
    }

    func router(_ transport: AdminTransport) -> Router<AdminContext> {
        let router = Router(context: AdminContext.self)
        router.add(middleware: OriginMiddleware(transport: transport))
        router.add(middleware: ErrorMiddleware(logger: logger))
        router.add(middleware: BodyMiddleware())
        router.add(middleware: WebPageMiddleware())
        for (path, routes) in Dictionary(grouping: routes, by: \.path) {
            for route in routes {
                router.on(RouterPath(path), method: route.method, use: route.handler)
            }
            refuseOtherMethods(at: path, allowed: routes.map(\.method), on: router)
        }
        return router
    }

    private func refuseOtherMethods(
        at path: String,
        allowed: [HTTPRequest.Method],
        on router: Router<AdminContext>
    ) {
        let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]
        let names = allowed.map(\.rawValue).sorted().joined(separator: ", ")
        for method in methods where !allowed.contains(method) {
            router.on(RouterPath(path), method: method) { _, _ in
                var response = AdminAnswer.error(
                    AdminError(.methodNotAllowed, code: "METHOD_NOT_ALLOWED", "Use \(names) for this path.")
                )
                response.headers[.allow] = names
                return response
            }
        }
    }
}

/// What the routes work with.
struct AdminServices: Sendable {
    let store: Store
    let workers: WorkersService
    let health: FleetHealth
    let loads: FleetLoads
    let fanOut: WorkerFanOut
    let publisher: DataPlanesPublisher
    let discovery: DiscoveryStatus
    let restart: DataPlaneRestart
    let logger: Logger
}
