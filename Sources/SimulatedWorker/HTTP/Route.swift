import NIOHTTP1

/// What a method and a path mean.
enum Route: Hashable, Sendable {
    case health
    case serverInfo
    case modelInfo
    case models
    case load
    case flushCache
    case metrics
    case answer(AnswerKind)
    case echo
    case blob
    /// Any other POST below `/v1/`.
    case anything
    case statistics
    case resetStatistics
    case listFaults
    case addFaults
    case removeFaults
    case unknown
    case wrongMethod

    init(method: HTTPMethod, path: String) {
        let isReading = method == .GET || method == .HEAD
        switch path {
        case "/health", "/health_generate": self = isReading ? .health : .wrongMethod
        case "/get_server_info", "/server_info": self = isReading ? .serverInfo : .wrongMethod
        case "/get_model_info", "/model_info": self = isReading ? .modelInfo : .wrongMethod
        case "/v1/models": self = isReading ? .models : .wrongMethod
        case "/get_load": self = isReading ? .load : .wrongMethod
        case "/metrics": self = isReading ? .metrics : .wrongMethod
        case "/flush_cache": self = isReading || method == .POST ? .flushCache : .wrongMethod
        case "/stats": self = isReading ? .statistics : .wrongMethod
        case "/stats/reset": self = method == .POST ? .resetStatistics : .wrongMethod
        case "/faults":
            switch method {
            case .GET, .HEAD: self = .listFaults
            case .POST: self = .addFaults
            case .DELETE: self = .removeFaults
            default: self = .wrongMethod
            }
        case "/generate": self = Route.answer(.generate, method)
        case "/v1/chat/completions": self = Route.answer(.chat, method)
        case "/v1/completions": self = Route.answer(.completion, method)
        case "/v1/embeddings": self = Route.answer(.embedding, method)
        case "/v1/rerank", "/rerank": self = Route.answer(.ranking, method)
        case "/v1/responses": self = Route.answer(.response, method)
        case "/v1/messages": self = Route.answer(.message, method)
        case "/echo", "/v1/echo": self = .echo
        case "/v1/blob": self = method == .GET || method == .POST ? .blob : .wrongMethod
        default:
            if path.hasPrefix("/v1/echo/") {
                self = .echo
            } else if path.hasPrefix("/v1/"), method == .POST {
                self = .anything
            } else {
                self = .unknown
            }
        }
    }

    private static func answer(_ kind: AnswerKind, _ method: HTTPMethod) -> Route {
        method == .POST ? .answer(kind) : .wrongMethod
    }

    /// Whether this is work that a router sends by policy, and therefore counted as such and hit by faults without path.
    var isWork: Bool {
        switch self {
        case .answer, .echo, .blob, .anything: true
        default: false
        }
    }

    /// Whether this steers the simulation: never hit by a fault, never counted as a request.
    var isControl: Bool {
        switch self {
        case .statistics, .resetStatistics, .listFaults, .addFaults, .removeFaults: true
        default: false
        }
    }

    /// Whether this is open without the API key.
    var isPublic: Bool { isControl || self == .health || self == .metrics }
}
