/// Why a request waits instead of going to a worker.
enum WaitReason: Sendable {
    /// No worker has been ready yet, or none has an address.
    case notReady
    /// All workers that were ready have become unhealthy.
    case unhealthy
    /// The ready workers have as many requests as they may, or their breakers are open.
    case noRoom
    /// The data plane has as many requests at workers as it may.
    case concurrency
    /// The data plane begins as many requests as it may in a second.
    case rate

    /// Whether the end of some other request may end the wait.
    var endsWithOthers: Bool { self == .noRoom || self == .concurrency || self == .rate }

    /// What the client is told when it may not wait.
    var refusal: ClientError {
        switch self {
        case .notReady, .unhealthy: .noReadyWorker
        case .noRoom: .atCapacity
        case .concurrency: .tooManyRequests
        case .rate: .rateLimited
        }
    }

    /// What the client is told when it has waited for as long as it may.
    var timeout: ClientError {
        switch self {
        case .notReady, .unhealthy: .noReadyWorker
        case .noRoom, .concurrency, .rate: .queueTimeout
        }
    }
}
