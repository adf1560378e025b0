import ControlPlaneCore
import Foundation
import Synchronization
import Telemetry

/// Asks the API server about pods.
struct KubernetesAPI: Sendable {
    /// Pods of one page of a list.
    static let pageSize = 500
    /// A page of pods with long annotations has some megabytes.
    private static let pageBytesMax = 256 * 1024 * 1024
    private static let connectTimeout = Duration.seconds(5)
    private static let listTimeout = Duration.seconds(60)
    /// How long the server keeps a watch at most, in seconds.
    static let watchSeconds = 300

    let http: any OutboundHTTP
    let place: KubernetesAccessPlace
    /// Nil: all namespaces.
    let namespace: String?
    /// A watch without a word for so long is given up; bookmarks come about every minute.
    let silence: Duration
    let credentials: ExecCredentials
    /// Called before every request to a server that is not verified, with where that is said.
    let warn: @Sendable (String) -> Void

    func list(_ selector: LabelSelector, continuation: String?) async -> Result<PodPage, KubernetesFailure> {
        var query = [("labelSelector", selector.description), ("limit", String(KubernetesAPI.pageSize))]
        if let continuation { query.append(("continue", continuation)) }
        switch await prepare(query) {
        case .failure(let failure): return .failure(failure)
        case .success((var request, let plugin)):
            request.timeout = KubernetesAPI.listTimeout
            request.responseBytesMax = KubernetesAPI.pageBytesMax
            switch await http.send(request) {
            case .failure(let error): return .failure(failure(error, plugin))
            case .success(let response):
                guard response.status == 200 else { return .failure(failure(response, plugin)) }
                guard let page = PodPage(json: response.body) else {
                    return .failure(
                        KubernetesFailure(status: nil, message: "The API server's list of pods cannot be read.")
                    )
                }
                return .success(page)
            }
        }
    }

    /// Watches until the server ends it, or `receive` returns false; that is called on the thread of the HTTP client.
    ///
    /// - Returns: nil when it ended without a failure.
    func watch(
        _ selector: LabelSelector,
        from resourceVersion: String,
        receive: @escaping @Sendable (PodWatchEvent) -> Bool
    ) async -> KubernetesFailure? {
        let query = [
            ("watch", "true"), ("allowWatchBookmarks", "true"), ("labelSelector", selector.description),
            ("resourceVersion", resourceVersion), ("timeoutSeconds", String(KubernetesAPI.watchSeconds)),
        ]
        switch await prepare(query) {
        case .failure(let failure): return failure
        case .success((var request, let plugin)):
            request.timeout = .seconds(KubernetesAPI.watchSeconds + 30)
            request.silenceMax = silence
            let lines = Mutex(WatchLines())
            request.receive = { bytes in
                guard let complete = lines.withLock({ $0.take(bytes) }) else { return false }
                return complete.allSatisfy { receive(PodWatchEvent(json: $0)) }
            }
            switch await http.send(request) {
            case .failure(let error): return failure(error, plugin)
            case .success(let response): return response.status == 200 ? nil : failure(response, plugin)
            }
        }
    }

    private func failure(_ response: OutboundResponse, _ plugin: ExecPlugin?) -> KubernetesFailure {
        if response.status == 401, let plugin { credentials.forget(plugin) }
        return KubernetesFailure(response)
    }

    private func failure(_ error: OutboundError, _ plugin: ExecPlugin?) -> KubernetesFailure {
        // A client certificate that is not accepted ends the connection.
        if error.code == .other, let plugin { credentials.forget(plugin) }
        return KubernetesFailure(error)
    }

    /// The request, and who answered for it.
    private func prepare(
        _ query: [(String, String)]
    ) async -> Result<(OutboundRequest, ExecPlugin?), KubernetesFailure> {
        var access: KubernetesAccess
        do {
            access = try KubernetesAccess.load(place)
            if let plugin = access.plugin {
                let credential = try await credentials.credential(of: plugin, at: Timestamp.nowMilliseconds())
                access.token = credential.token
                access.tls.identity = credential.identity ?? access.tls.identity
            }
        } catch {
            return .failure(KubernetesFailure(status: nil, message: "Kubernetes cannot be asked: \(error)."))
        }
        var components = URLComponents()
        components.queryItems = query.map { URLQueryItem(name: $0.0, value: $0.1) }
        let text = (components.percentEncodedQuery ?? "").replacingOccurrences(of: "+", with: "%2B")
        let path = namespace.map { "/api/v1/namespaces/\($0)/pods" } ?? "/api/v1/pods"
        var headers = [("Accept", "application/json")]
        if let token = access.token { headers.append(("Authorization", "Bearer \(token)")) }
        if !access.tls.verifiesServer || access.isOpen { warn(access.origin) }
        var request = OutboundRequest(url: "\(access.server)\(path)?\(text)", headers: headers)
        request.connectTimeout = KubernetesAPI.connectTimeout
        request.tls = access.tls
        return .success((request, access.plugin))
    }
}

/// Why the API server did not answer as it should.
struct KubernetesFailure: Error, Hashable {
    /// What it answered; nil without an answer.
    var status: Int?
    /// One sentence for a person.
    var message: String
    /// Nothing came in time.
    var isSilence = false

    init(status: Int?, message: String) {
        self.status = status
        self.message = message
    }

    init(_ error: OutboundError) {
        self.init(status: nil, message: error.message)
        isSilence = error.code == .timeout
    }

    init(_ response: OutboundResponse) {
        struct Status: Decodable {
            var message: String?
        }
        let said = try? JSONDecoder().decode(Status.self, from: Data(response.body)).message
        var message = "The API server answered \(response.status)"
        if let said, !said.isEmpty { message += ": \(said.prefix(512))" }
        switch response.status {
        case 401: message += " (the token or certificate is not accepted)"
        case 403: message += " (the role must allow get, list and watch of pods)"
        default: break
        }
        self.init(status: response.status, message: message + (message.hasSuffix(".") ? "" : "."))
    }
}
