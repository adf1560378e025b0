/// Where a request goes, decided by its method and path alone.
public enum Route: Sendable, Equatable {
    /// 200 while the process lives.
    case liveness
    /// 200 when there is a ready worker.
    case readiness
    /// The union of the ready workers' model cards.
    case models
    /// To the first ready worker in the order of insertion.
    case firstReadyWorker
    /// To a worker that the policy picks.
    case inference(isJSON: Bool)
    /// To the control plane, where forwarding is on.
    case admin
    case methodNotAllowed(AllowedMethods)
    case notFound

    public init(method: HTTPMethod, path: Range<Int>, of bytes: borrowing Span<UInt8>) {
        if bytes.hasPrefix(path, "/v1/") {
            self = Route.openAI(method, path, bytes)
        } else if bytes.equals(path, "/generate") {
            self = method == .post ? .inference(isJSON: false) : .methodNotAllowed(.post)
        } else if bytes.equals(path, "/rerank") {
            self = method == .post ? .inference(isJSON: true) : .methodNotAllowed(.post)
        } else if bytes.equals(path, "/health") || bytes.equals(path, "/liveness") {
            self = Route.read(method, .liveness)
        } else if bytes.equals(path, "/readiness") {
            self = Route.read(method, .readiness)
        } else if Route.isMetadata(path, bytes) {
            self = method == .get ? .firstReadyWorker : .methodNotAllowed(.get)
        } else if Route.isAdmin(path, bytes) {
            self = .admin
        } else {
            self = .notFound
        }
    }

    private static func openAI(
        _ method: HTTPMethod,
        _ path: Range<Int>,
        _ bytes: borrowing Span<UInt8>
    ) -> Route {
        if bytes.equals(path, "/v1/models") { return read(method, .models) }
        guard path.count > 4 else { return .notFound }
        return method == .post ? .inference(isJSON: true) : .methodNotAllowed(.post)
    }

    private static func read(_ method: HTTPMethod, _ route: Route) -> Route {
        method == .get || method == .head ? route : .methodNotAllowed(.getAndHead)
    }

    private static func isMetadata(_ path: Range<Int>, _ bytes: borrowing Span<UInt8>) -> Bool {
        bytes.equals(path, "/get_server_info") || bytes.equals(path, "/server_info")
            || bytes.equals(path, "/get_model_info") || bytes.equals(path, "/model_info")
            || bytes.equals(path, "/health_generate")
    }

    private static func isAdmin(_ path: Range<Int>, _ bytes: borrowing Span<UInt8>) -> Bool {
        bytes.equals(path, "/add_worker") || bytes.equals(path, "/remove_worker") || bytes.equals(path, "/list_workers")
            || bytes.equals(path, "/workers") || bytes.hasPrefix(path, "/workers/")
            || bytes.equals(path, "/flush_cache") || bytes.equals(path, "/get_loads")
            || bytes.equals(path, "/data_planes") || bytes.equals(path, "/data_planes/restart")
    }
}

/// The methods that a path answers, for the `Allow` field of a 405.
public enum AllowedMethods: Sendable, Equatable {
    case get
    case getAndHead
    case post

    var fieldValue: StaticString {
        switch self {
        case .get: "GET"
        case .getAndHead: "GET, HEAD"
        case .post: "POST"
        }
    }
}
