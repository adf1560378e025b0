import ControlPlaneCore
import SignalboxProtocol

/// Asks all workers the same thing at once.
struct WorkerFanOut: Sendable {
    /// Limit for one worker's answer to a question about its load.
    static let loadTimeout = Duration.seconds(5)
    /// Limit for one worker's flush of its cache.
    static let flushTimeout = Duration.seconds(30)

    let http: any OutboundHTTP

    /// The tokens in work at each worker, in the given order; -1 where the worker does not say.
    func loads(of workers: [Worker]) async -> [Int] {
        await answers(of: workers) { worker in
            let request = OutboundRequest(url: "\(worker.url)/get_load", timeout: WorkerFanOut.loadTimeout)
            guard case .success(let response) = await http.send(request), (200..<300).contains(response.status) else {
                return -1
            }
            return LoadAnswer.load(response.body)
        }
    }

    /// Has every worker forget its prefix cache; nil for a success, else why not, in the given order.
    func flushCaches(of workers: [Worker]) async -> [String?] {
        await answers(of: workers) { worker in
            let request = OutboundRequest(
                method: .post,
                url: "\(worker.url)/flush_cache",
                timeout: WorkerFanOut.flushTimeout
            )
            switch await http.send(request) {
            case .success(let response) where (200..<300).contains(response.status): return nil
            case .success(let response): return "POST /flush_cache answered \(response.status)."
            case .failure(let error): return error.message
            }
        }
    }

    private func answers<Answer: Sendable>(
        of workers: [Worker],
        ask: @escaping @Sendable (Worker) async -> Answer
    ) async -> [Answer] {
        await withTaskGroup(of: (Int, Answer).self) { group in
            for (index, worker) in workers.enumerated() {
                group.addTask { (index, await ask(worker)) }
            }
            var answers = [Answer?](repeating: nil, count: workers.count)
            for await (index, answer) in group { answers[index] = answer }
            return answers.compactMap(\.self)
        }
    }
}
