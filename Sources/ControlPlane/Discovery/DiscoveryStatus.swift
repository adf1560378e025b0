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

    /// The worker of a pod.
    struct Registration: Hashable, Sendable {
        var id: WorkerID
        var incarnation: IncarnationID
    }

    struct State: Sendable {
        var isEnabled = false
        var namespace: String?
        var watches: [Watch] = []
        /// Nil without discovery.
        var discovery: PodDiscovery?
        /// The registrations by the pods' UIDs.
        var registrations: [String: Registration] = [:]
        var unreadable = 0
        /// Times that workers were added or removed, and how many of them the last time.
        var updates = 0
        var lastAdded = 0
        var lastRemoved = 0
        /// Events that wait to be looked at.
        var waitingBytes = 0
    }

    private let state = Mutex(State())
    private let waitingBytes: @Sendable () -> Int

    /// - Parameter waitingBytes: asked when somebody looks.
    init(waitingBytes: @escaping @Sendable () -> Int) {
        self.waitingBytes = waitingBytes
    }

    var current: State {
        var current = state.withLock { $0 }
        current.waitingBytes = waitingBytes()
        return current
    }

    func begin(namespace: String?, _ discovery: PodDiscovery, registered: [String: Registration]) {
        state.withLock { state in
            state.isEnabled = true
            state.namespace = namespace
            state.watches = discovery.rules.selectors.map { Watch(role: $0.role, selector: $0.labels.description) }
            state.discovery = discovery
            state.registrations = registered
        }
    }

    // MARK: - Decisions

    /// Lets discovery decide; it lives here, so that showing it costs nothing until somebody looks.
    func decide(_ body: (inout PodDiscovery) -> [DiscoveryAction]) -> [DiscoveryAction] {
        state.withLock { state in
            guard var discovery = state.discovery.take() else { return [] }
            defer { state.discovery = discovery }
            return body(&discovery)
        }
    }

    var nextDeadline: Int64? { state.withLock { $0.discovery?.nextDeadline } }

    func registration(of uid: String) -> Registration? {
        state.withLock { $0.registrations[uid] }
    }

    func registered(_ uid: String, _ worker: Worker) {
        state.withLock { state in
            state.registrations[uid] = Registration(id: worker.id, incarnation: worker.incarnation)
        }
    }

    func ended(_ uid: String) {
        state.withLock { state in state.registrations[uid] = nil }
    }

    /// - Returns: whether the reason is another one than before.
    func refused(_ uid: String, reason: String, at now: Int64) -> Bool {
        state.withLock { state in state.discovery?.refused(uid, reason: reason, at: now) ?? false }
    }

    /// Workers were added or removed.
    func updated(added: Int, removed: Int) {
        guard added + removed > 0 else { return }
        state.withLock { state in
            state.updates += 1
            state.lastAdded = added
            state.lastRemoved = removed
        }
    }

    // MARK: - Watches

    /// - Returns: whether this is the first list since a failure, or at all.
    func listed(_ index: Int, isWatchFailing: Bool, at now: Int64) -> Bool {
        state.withLock { state in
            let isNews = state.watches[index].lastList == nil || state.watches[index].failure != nil
            state.watches[index].lastList = now
            // A list that succeeds says nothing of watches that fail.
            guard !isWatchFailing else { return false }
            state.watches[index].clearFailure()
            state.watches[index].phase = .listing
            return isNews
        }
    }

    func watching(_ index: Int) {
        state.withLock { state in
            if state.watches[index].failure == nil { state.watches[index].phase = .watching }
        }
    }

    /// A watch has been open for a while: whatever failed before is over.
    func watchLasts(_ index: Int) {
        state.withLock { state in
            state.watches[index].clearFailure()
            state.watches[index].phase = .watching
        }
    }

    func heard(_ index: Int, at now: Int64) {
        state.withLock { state in
            state.watches[index].lastEvent = now
            state.watches[index].clearFailure()
            state.watches[index].phase = .watching
        }
    }

    /// - Parameter wasUseful: what failed before is over.
    func watchEnded(_ index: Int, wasUseful: Bool) {
        state.withLock { state in
            state.watches[index].restarts += 1
            guard wasUseful else { return }
            state.watches[index].clearFailure()
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
}

extension DiscoveryStatus.Watch {
    fileprivate mutating func clearFailure() {
        failure = nil
        failedAt = nil
    }
}
