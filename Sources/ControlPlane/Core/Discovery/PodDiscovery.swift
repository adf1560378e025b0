import SignalboxProtocol

/// Which pods are registered as workers: what the API server says goes in, what is to be done about workers comes out.
///
/// Everything is kept by the pods' UIDs, so that a late event of an old pod never touches its successor with the same
/// name or address. Times are milliseconds and come in as arguments.
public struct PodDiscovery: Sendable {
    /// Most pods that are kept; others are counted and left out.
    public static let podsMax = 50_000
    /// How long a pod that could not be registered waits for another try.
    static let retryMilliseconds: Int64 = 5_000

    let rules: DiscoveryRules
    /// How long a worker whose pod is not ready keeps its registration, and with it what is known of its cache.
    let flapMilliseconds: Int64
    private(set) var entries: [String: Entry] = [:]
    /// Whose address a URL is.
    private var owners: [WorkerURL: String] = [:]
    /// Pods that would be workers, if their address were not another one's.
    private var contenders: [WorkerURL: Set<String>] = [:]
    /// Pods beyond ``podsMax`` that were left out.
    public private(set) var leftOut = 0

    /// One pod, or one registration of an earlier run whose pod has not been seen yet.
    struct Entry: Sendable {
        var reference: PodReference
        var pod: Pod?
        /// The watches that have it.
        var watches: Set<Int>
        var stage = Stage.outside(reason: "It has just been seen.")
    }

    enum Stage: Hashable, Sendable {
        case outside(reason: String)
        case registered(PodWorker)
        /// Not ready: registered, but not routed to, until it is ready again or this time is over.
        case held(PodWorker, until: Int64, reason: String)
        /// It could not be registered; another try at this time.
        case refused(reason: String, retryAt: Int64)
    }

    /// - Parameters:
    ///   - watches: how many watches there are, from 0 on.
    ///   - restored: the registrations of an earlier run; one whose pod no watch lists is removed.
    public init(
        rules: DiscoveryRules,
        flapMilliseconds: Int64,
        restored: [(PodReference, PodWorker)] = []
    ) {
        self.rules = rules
        self.flapMilliseconds = flapMilliseconds
        for (reference, worker) in restored {
            entries[reference.uid] = Entry(
                reference: reference,
                watches: Set(rules.selectors.indices),
                stage: .registered(worker)
            )
            owners[worker.url] = reference.uid
        }
    }

    // MARK: - Events

    /// A watch has a fresh list of all its pods.
    public mutating func listed(_ pods: [Pod], by watch: Int, at now: Int64) -> [DiscoveryAction] {
        let uids = Set(pods.map(\.reference.uid))
        var actions: [DiscoveryAction] = []
        // What is gone goes first: its address may be a new pod's.
        for uid in entries.keys.sorted() where entries[uid]?.watches.contains(watch) == true && !uids.contains(uid) {
            actions += vanish(uid, from: watch, reason: "It is not listed any more.", at: now)
        }
        for pod in pods { actions += applied(pod, by: watch, at: now) }
        return actions
    }

    /// A pod is so now.
    public mutating func applied(_ pod: Pod, by watch: Int, at now: Int64) -> [DiscoveryAction] {
        let uid = pod.reference.uid
        var entry = entries[uid] ?? Entry(reference: pod.reference, watches: [])
        if entries[uid] == nil, entries.count >= PodDiscovery.podsMax {
            leftOut += 1
            return []
        }
        entry.pod = pod
        entry.watches.insert(watch)
        entries[uid] = entry
        return review(uid, at: now)
    }

    /// A pod is gone, or a watch does not select it any more.
    public mutating func deleted(_ pod: Pod, by watch: Int, at now: Int64) -> [DiscoveryAction] {
        let reason = pod.isTerminating ? "It was deleted." : "It was deleted, or its labels match no longer."
        return vanish(pod.reference.uid, from: watch, reason: reason, at: now)
    }

    /// No watch will say anything any more: all selectors are empty.
    public mutating func endedWithoutWatches(at now: Int64) -> [DiscoveryAction] {
        guard rules.selectors.isEmpty else { return [] }
        return entries.keys.sorted().flatMap { forget($0, reason: "No selector is given.", at: now) }
    }

    /// A registration that was asked for was refused; it is tried again.
    public mutating func refused(_ uid: String, reason: String, at now: Int64) {
        guard let entry = entries[uid], case .registered(let worker) = entry.stage else { return }
        if owners[worker.url] == uid { owners[worker.url] = nil }
        entries[uid]?.stage = .refused(reason: reason, retryAt: now + PodDiscovery.retryMilliseconds)
    }

    /// When ``due(at:)`` has something to do; nil: never, unless something happens.
    public var nextDeadline: Int64? {
        entries.values.compactMap { entry in
            switch entry.stage {
            case .held(_, let until, _): until
            case .refused(_, let retryAt): retryAt
            case .outside, .registered: nil
            }
        }
        .min()
    }

    /// Does what only waited for its time.
    public mutating func due(at now: Int64) -> [DiscoveryAction] {
        let due = entries.filter { _, entry in
            switch entry.stage {
            case .held(_, let time, _), .refused(_, let time): time <= now
            case .outside, .registered: false
            }
        }
        return due.keys.sorted().flatMap { review($0, at: now) }
    }

    // MARK: - Decisions

    private mutating func vanish(
        _ uid: String,
        from watch: Int,
        reason: String,
        at now: Int64
    ) -> [DiscoveryAction] {
        guard var entry = entries[uid], entry.watches.remove(watch) != nil else { return [] }
        entries[uid] = entry
        guard entry.watches.isEmpty else { return [] }
        return forget(uid, reason: reason, at: now)
    }

    private mutating func forget(_ uid: String, reason: String, at now: Int64) -> [DiscoveryAction] {
        let actions = leave(uid, reason: reason, at: now)
        entries[uid] = nil
        return actions
    }

    /// Brings the registration of one pod to what the pod is now.
    private mutating func review(_ uid: String, at now: Int64) -> [DiscoveryAction] {
        guard let entry = entries[uid], let pod = entry.pod else { return [] }
        switch (PodVerdict(pod, rules), entry.stage) {
        case (.worker(let worker), .registered(let current)) where worker.isSameRegistration(as: current):
            entries[uid]?.stage = .registered(worker)
            return worker.weight == current.weight ? [] : [.weigh(pod.reference, worker.weight)]
        case (.worker(let worker), .held(let current, _, _)) where worker.isSameRegistration(as: current):
            entries[uid]?.stage = .registered(worker)
            let weighed: [DiscoveryAction] =
                worker.weight == current.weight ? [] : [.weigh(pod.reference, worker.weight)]
            return weighed + [.release(pod.reference)]
        case (.worker(let worker), .registered), (.worker(let worker), .held):
            return leave(uid, reason: "It is another worker now: \(worker.url).", at: now)
                + join(uid, pod, worker, at: now)
        case (.worker(let worker), .outside), (.worker(let worker), .refused):
            return join(uid, pod, worker, at: now)
        case (.notReady(let reason), .registered(let worker)):
            guard flapMilliseconds > 0 else { return leave(uid, reason: reason, at: now) }
            entries[uid]?.stage = .held(worker, until: now + flapMilliseconds, reason: reason)
            return [.hold(pod.reference, reason: reason)]
        case (.notReady(let reason), .held(let worker, let until, _)):
            guard now < until else { return leave(uid, reason: reason, at: now) }
            entries[uid]?.stage = .held(worker, until: until, reason: reason)
            return []
        case (.excluded(let reason), .registered), (.excluded(let reason), .held):
            return leave(uid, reason: reason, at: now)
        case (.notReady(let reason), _), (.excluded(let reason), _):
            entries[uid]?.stage = .outside(reason: reason)
            return []
        }
    }

    /// Registers a pod, unless a newer one has its address.
    private mutating func join(_ uid: String, _ pod: Pod, _ worker: PodWorker, at now: Int64) -> [DiscoveryAction] {
        var actions: [DiscoveryAction] = []
        if let owner = owners[worker.url], owner != uid {
            if let other = entries[owner]?.pod, !pod.isNewer(than: other) {
                entries[uid]?.stage = .outside(reason: "Its address belongs to the newer pod \(other.reference).")
                contenders[worker.url, default: []].insert(uid)
                return []
            }
            owners[worker.url] = nil
            contenders[worker.url, default: []].insert(owner)
            actions += leave(owner, reason: "Its address belongs to the newer pod \(pod.reference).", at: now)
        }
        owners[worker.url] = uid
        entries[uid]?.stage = .registered(worker)
        return actions + [.add(pod.reference, worker)]
    }

    /// Ends a registration; a pod that waited for the address gets it.
    private mutating func leave(_ uid: String, reason: String, at now: Int64) -> [DiscoveryAction] {
        guard let entry = entries[uid] else { return [] }
        entries[uid]?.stage = .outside(reason: reason)
        let worker: PodWorker
        switch entry.stage {
        case .registered(let current), .held(let current, _, _): worker = current
        case .outside, .refused: return []
        }
        let removal = DiscoveryAction.remove(entry.reference, reason: reason)
        guard owners[worker.url] == uid else { return [removal] }
        owners[worker.url] = nil
        let heirs = contenders.removeValue(forKey: worker.url) ?? []
        return [removal] + heirs.subtracting([uid]).sorted().flatMap { review($0, at: now) }
    }
}

/// What is to be done about the worker of a pod.
public enum DiscoveryAction: Hashable, Sendable {
    case add(PodReference, PodWorker)
    /// Changes its weight.
    case weigh(PodReference, Int)
    /// It gets no new requests for now.
    case hold(PodReference, reason: String)
    /// It gets requests again.
    case release(PodReference)
    /// It drains, then its registration ends.
    case remove(PodReference, reason: String)
}
