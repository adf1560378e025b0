internal import Dispatch
public import SignalboxProtocol
internal import Synchronization

extension DataPlanesPublisher {
    /// Waits until every connected data plane applied at least `version`.
    ///
    /// Returns early when all that are missing have refused it, when the publisher stops or the task is cancelled.
    /// - Returns: the ids of the data planes that were connected at the beginning, or are now, and have not applied it.
    ///   One that has fallen silent still routes by what it had; only one that left to end does not count.
    public func waitUntilApplied(_ version: SnapshotVersion, timeout: Duration) async -> [String] {
        let id = lastID.add(1, ordering: .relaxed).newValue
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                state.withLock { state in
                    let expected = state.registry.connectedNames
                    state.waits[id] = Wait(version: version, expected: expected, continuation: continuation)
                }
                let milliseconds = Int(min(max(timeout / .milliseconds(1), 0), 86_400_000))
                DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { [weak self] in
                    self?.endWait(id)
                }
                if Task.isCancelled { endWait(id) }
                settleWaits()
            }
        } onCancel: {
            endWait(id)
        }
    }

    private func endWait(_ id: UInt64) {
        let ended = state.withLock { state in
            state.waits.removeValue(forKey: id).map { wait in
                (wait, state.registry.progress(of: wait.version, among: wait.expected).laggards)
            }
        }
        if let (wait, laggards) = ended { wait.continuation.resume(returning: laggards) }
    }

    /// Ends the waits for which nothing more can come.
    func settleWaits() {
        let settled = state.withLock { state in
            var settled: [(Wait, [String])] = []
            for (id, wait) in state.waits {
                let progress = state.registry.progress(of: wait.version, among: wait.expected)
                guard progress.isSettled || state.isStopped else { continue }
                state.waits.removeValue(forKey: id)
                settled.append((wait, progress.laggards))
            }
            return settled
        }
        for (wait, laggards) in settled { wait.continuation.resume(returning: laggards) }
    }
}
