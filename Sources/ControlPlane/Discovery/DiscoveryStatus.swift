import ControlPlaneCore
import SignalboxProtocol
import Synchronization

/// How discovery is, for people and for metrics; written by its watches, read by the admin API.
final class DiscoveryStatus: Sendable {
    struct Watch: Hashable, Sendable {
        var role: WorkerRole
        var selector: String
        var phase = Phase.listing
        /// Milliseconds since 1970; nil: never.
        var lastList: Int64?
        var lastEvent: Int64?
        var restarts = 0
        var errors = 0
        /// The last failure, until something succeeds.
        var failure: String?
        var failedAt: Int64?
    }

    enum Phase: String, Hashable, Sendable {
        case listing
        case watching
        case failing
    }

    struct State: Sendable {
        var isEnabled = false
        var namespace: String?
        var watches: [Watch] = []
        /// Nil before the first decision.
        var discovery: PodDiscovery?
        /// The registrations by the pods' UIDs.
        var workers: [String: WorkerID] = [:]
        var unreadable = 0
    }

    private let state = Mutex(State())

    var current: State { state.withLock { $0 } }

    func begin(namespace: String?, _ rules: DiscoveryRules) {
        state.withLock { state in
            state.isEnabled = true
            state.namespace = namespace
            state.watches = rules.selectors.map { Watch(role: $0.role, selector: $0.labels.description) }
        }
    }

    /// - Returns: whether this is the first list since a failure, or at all.
    func listed(_ index: Int, at now: Int64) -> Bool {
        state.withLock { state in
            let isNews = state.watches[index].lastList == nil || state.watches[index].failure != nil
            state.watches[index].lastList = now
            state.watches[index].clearFailure()
            return isNews
        }
    }

    func watching(_ index: Int) {
        state.withLock { $0.watches[index].phase = .watching }
    }

    func heard(_ index: Int, at now: Int64) {
        state.withLock { state in
            state.watches[index].lastEvent = now
            state.watches[index].clearFailure()
        }
    }

    func watchEnded(_ index: Int) {
        state.withLock { state in
            state.watches[index].restarts += 1
            state.watches[index].phase = .listing
        }
    }

    /// - Returns: whether this failure is another one than the last.
    func failed(_ index: Int, _ reason: String, at now: Int64) -> Bool {
        state.withLock { state in
            let isNews = state.watches[index].failure != reason
            state.watches[index].errors += 1
            state.watches[index].failure = reason
            state.watches[index].failedAt = now
            state.watches[index].phase = .failing
            return isNews
        }
    }

    func unreadable(_ count: Int) {
        guard count > 0 else { return }
        state.withLock { $0.unreadable += count }
    }

    func decided(_ discovery: PodDiscovery, workers: [String: WorkerID]) {
        state.withLock { state in
            state.discovery = discovery
            state.workers = workers
        }
    }
}

extension DiscoveryStatus.Watch {
    fileprivate mutating func clearFailure() {
        failure = nil
        failedAt = nil
    }
}
