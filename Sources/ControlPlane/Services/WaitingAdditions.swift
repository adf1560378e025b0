import ControlPlaneCore
import SignalboxProtocol
import Synchronization

/// How the wait for a worker that is to be added ended.
enum AdditionWaitOutcome: Sendable {
    case healthy(DiscoveredModels?)
    case timedOut
    /// It was removed meanwhile, or the process ends.
    case cancelled
}

/// The workers that requests are waiting for right now, so that a second request for one is refused and a removal or
/// the end of the process ends the wait.
final class WaitingAdditions: Sendable {
    private struct State {
        var waits: [WorkerURL: Task<AdditionWaitOutcome, Never>] = [:]
        var isClosed = false
    }

    private let state = Mutex(State())

    /// Claims the URL and begins to wait; whoever gets the task awaits it and calls ``end(_:)`` when the worker is
    /// stored or given up.
    ///
    /// - Returns: nil when another request waits for it.
    func begin(
        _ url: WorkerURL,
        wait: @escaping @Sendable () async -> AdditionWaitOutcome
    ) -> Task<AdditionWaitOutcome, Never>? {
        state.withLock { state in
            guard state.waits[url] == nil else { return nil }
            let task = Task { await wait() }
            state.waits[url] = task
            if state.isClosed { task.cancel() }
            return task
        }
    }

    func contains(_ url: WorkerURL) -> Bool {
        state.withLock { $0.waits[url] != nil }
    }

    func end(_ url: WorkerURL) {
        state.withLock { _ = $0.waits.removeValue(forKey: url) }
    }

    /// Ends the wait for one worker; without effect when nobody waits for it.
    func cancel(_ url: WorkerURL) {
        state.withLock { $0.waits[url] }?.cancel()
    }

    /// Ends all waits, those that begin later too.
    func close() {
        let waits = state.withLock { state in
            state.isClosed = true
            return state.waits
        }
        for wait in waits.values { wait.cancel() }
    }
}
