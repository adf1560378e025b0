import ControlPlaneCore
import SignalboxProtocol

/// Asks workers whether they are well and what they serve.
struct WorkerProbe: Sendable {
    /// Limit for each question about models: discovery must not hold up a worker that is ready.
    static let discoveryTimeout = Duration.seconds(1)
    /// Largest accepted answer about models, in bytes.
    static let discoveryBytesMax = 4 * 1024 * 1024

    let http: any OutboundHTTP

    /// `GET /health`: any status from 200 to 299 is a success.
    func health(of url: WorkerURL, timeout: Duration) async -> ProbeOutcome {
        let request = OutboundRequest(
            url: "\(url)/health",
            timeout: timeout,
            connectTimeout: timeout,
            responseBytesMax: 1024 * 1024
        )
        switch await http.send(request) {
        case .success(let response) where (200..<300).contains(response.status): return .success
        case .success(let response): return .failure(reason: "GET /health answered \(response.status).")
        case .failure(let error): return .failure(reason: error.message)
        }
    }

    /// What the worker serves: its `/v1/models`, else the name in its model or server information; nil when it says
    /// nothing.
    func models(of url: WorkerURL) async -> DiscoveredModels? {
        if let body = await get("\(url)/v1/models"), let cards = ModelDiscovery.cards(ofModelsAnswer: body),
            !cards.isEmpty
        {
            return DiscoveredModels(cards: cards)
        }
        for path in ["/get_model_info", "/server_info"] where !Task.isCancelled {
            if let body = await get("\(url)\(path)"), let id = ModelDiscovery.modelID(ofInfoAnswer: body) {
                return DiscoveredModels(cards: [], modelID: id)
            }
        }
        return nil
    }

    private func get(_ url: String) async -> [UInt8]? {
        let request = OutboundRequest(
            url: url,
            timeout: WorkerProbe.discoveryTimeout,
            connectTimeout: WorkerProbe.discoveryTimeout,
            responseBytesMax: WorkerProbe.discoveryBytesMax
        )
        guard case .success(let response) = await http.send(request), (200..<300).contains(response.status) else {
            return nil
        }
        return response.body
    }
}
