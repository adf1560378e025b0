import Synchronization

@testable import ControlPlane

/// Workers that exist only in the test: answers are set by URL, requests are counted.
final class FakeHTTP: OutboundHTTP {
    private struct State {
        var answers: [String: Result<OutboundResponse, OutboundError>] = [:]
        var hanging: Set<String> = []
        var counts: [String: Int] = [:]
    }

    private let state = Mutex(State())

    /// Lets `url` answer from now on.
    func answer(_ url: String, status: Int = 200, body: String = "") {
        let response = OutboundResponse(status: status, body: Array(body.utf8), elapsed: .zero)
        state.withLock { $0.answers[url] = .success(response) }
    }

    /// Lets nothing listen at `url` from now on.
    func refuse(_ url: String) {
        state.withLock { _ = $0.answers.removeValue(forKey: url) }
    }

    /// Lets requests to `url` hang until they are cancelled or time out.
    func hang(_ url: String) {
        state.withLock { _ = $0.hanging.insert(url) }
    }

    func count(_ url: String) -> Int {
        state.withLock { $0.counts[url] ?? 0 }
    }

    func send(_ request: OutboundRequest) async -> Result<OutboundResponse, OutboundError> {
        let (answer, hangs) = state.withLock { state in
            state.counts[request.url, default: 0] += 1
            return (state.answers[request.url], state.hanging.contains(request.url))
        }
        if hangs {
            try? await Task.sleep(for: request.timeout)
            return .failure(OutboundError(code: .timeout, message: "No answer in time."))
        }
        return answer ?? .failure(OutboundError(code: .refused, message: "Nothing listens there."))
    }
}
