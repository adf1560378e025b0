import ControlPlaneCore
import SignalboxProtocol

/// Asks workers whether they are well and what they serve.
struct WorkerProbe: Sendable {
    /// Limit for each question about models: discovery must not hold up a worker that is ready.
    static let discoveryTimeout = Duration.seconds(1)
    /// Largest accepted answer about models, in bytes.
    static let discoveryBytesMax = 4 * 1024 * 1024

    let http: any OutboundHTTP

    /// `GET /health`, or another path: any status from 200 to 299 is a success.
    func health(of url: WorkerURL, path: String, timeout: Duration) async -> ProbeOutcome {
        let request = OutboundRequest(
            url: "\(url)\(path)",
            timeout: timeout,
            connectTimeout: timeout,
            responseBytesMax: 1024 * 1024
        )
        switch await http.send(request) {
        case .success(let response) where (200..<300).contains(response.status): return .success
        case .success(let response): return .failure(reason: "GET \(path) answered \(response.status).")
        case .failure(let error) where [.timeout, .resolve, .unreachable].contains(error.code):
            return .silence(reason: error.message)
        case .failure(let error): return .failure(reason: error.message)
        }
    }

    /// `GET /get_load`: the tokens in work, or why they are not known.
    func load(of url: WorkerURL, timeout: Duration) async -> LoadReply {
        let request = OutboundRequest(
            url: "\(url)/get_load",
            timeout: timeout,
            connectTimeout: timeout,
            responseBytesMax: 1024 * 1024
        )
        switch await http.send(request) {
        case .success(let response) where response.isSuccess:
            let tokens = LoadAnswer.load(response.body)
            return tokens >= 0 ? .tokens(tokens) : .unsupported(reason: "GET /get_load answered without a load.")
        case .success(let response) where response.status >= 500 && response.status != 501:
            return .failed(reason: "GET /get_load answered \(response.status).")
        case .success(let response): return .unsupported(reason: "GET /get_load answered \(response.status).")
        case .failure(let error): return .failed(reason: error.message)
        }
    }

    /// What the worker serves, and how much it can take; nil when it says nothing of models.
    func models(of url: WorkerURL) async -> DiscoveredModels? {
        async let capacity = capacity(of: url)
        guard var models = await named(url) else { return nil }
        models.capacity = await capacity
        return models
    }

    /// As its server information says; SGLang before 0.5.4 knows only the first path.
    private func capacity(of url: WorkerURL) async -> ToldCapacity? {
        for path in ["/get_server_info", "/server_info"] {
            guard let answer = await get("\(url)\(path)"), answer.status < 500 else { return nil }
            if answer.isSuccess { return ServerInfoAnswer.capacity(answer.body) }
        }
        return ToldCapacity()
    }

    /// Its `/v1/models`, else the name in its model or server information.
    private func named(_ url: WorkerURL) async -> DiscoveredModels? {
        guard let answer = await get("\(url)/v1/models") else { return nil }
        if answer.isSuccess, let cards = ModelDiscovery.cards(ofModelsAnswer: answer.body), !cards.isEmpty {
            return DiscoveredModels(cards: cards)
        }
        for path in ["/get_model_info", "/server_info"] {
            guard let answer = await get("\(url)\(path)") else { return nil }
            if answer.isSuccess, let id = ModelDiscovery.modelID(ofInfoAnswer: answer.body) {
                return DiscoveredModels(cards: [], modelID: id)
            }
        }
        return nil
    }

    /// The answer, whatever its status; nil when there is none, so that asking on would only waste time.
    private func get(_ url: String) async -> OutboundResponse? {
        let request = OutboundRequest(
            url: url,
            timeout: WorkerProbe.discoveryTimeout,
            connectTimeout: WorkerProbe.discoveryTimeout,
            responseBytesMax: WorkerProbe.discoveryBytesMax
        )
        return try? await http.send(request).get()
    }
}

extension OutboundResponse {
    fileprivate var isSuccess: Bool { (200..<300).contains(status) }
}
