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

    public let rules: DiscoveryRules
    /// How long a worker whose pod is not ready keeps its registration, and with it what is known of its cache.
    let flapMilliseconds: Int64
    private(set) var entries: [String: Entry] = [:]
    /// Those that wait for their time.
    private var waiting: Set<String> = []
    /// Whose address a URL is.
    private var owners: [WorkerURL: String] = [:]
    /// Pods that would be workers, if their address were not another one's.
    private var contenders: [WorkerURL: Set<String>] = [:]
    /// Why pods were last refused, so that each reason is told once.
    private var refusals: [String: String] = [:]
    /// Pods of the last list of each watch that were left out.
    private var leftOutByWatch: [Int: Int] = [:]

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
        /// A person has removed its worker: it stays away for as long as the pod lives.
        case dismissed
        case registered(PodWorker)
        /// Not ready: registered, but not routed to, until it is ready again or this time is over.
        case held(PodWorker, until: Int64, reason: String)
        /// It could not be registered; another try at this time.
        case refused(PodWorker, reason: String, retryAt: Int64)
    }

    /// - Parameters:
    ///   - restored: the registrations of an earlier run; one whose pod no watch lists is removed.
    public init(
        rules: DiscoveryRules,
        flapMilliseconds: Int64,
        restored: [Known] = [],
        at now: Int64 = 0
    ) {
        self.rules = rules
        self.flapMilliseconds = flapMilliseconds
        for known in restored {
            var entry = Entry(reference: known.reference, watches: Set(rules.selectors.indices))
            entry.stage = .registered(known.worker)
            if let hold = known.hold {
                // Its time began in the earlier run, whatever the clock says. It is not over before the pod has been seen:
                // it may have become ready meanwhile.
                let until = min(hold.since, now) + flapMilliseconds
                entry.stage = .held(known.worker, until: until, reason: hold.reason)
            }
            entries[known.reference.uid] = entry
            owners[known.worker.url] = known.reference.uid
        }
    }

    /// A registration of an earlier run.
    public struct Known: Hashable, Sendable {
        public var reference: PodReference
        var worker: PodWorker
        /// What kept requests from it in that run.
        var hold: HealthHold?

        public init(_ reference: PodReference, _ worker: PodWorker, hold: HealthHold? = nil) {
            self.reference = reference
            self.worker = worker
            self.hold = hold
        }
    }

    /// Pods beyond ``podsMax`` that were left out.
    public var leftOut: Int { leftOutByWatch.values.reduce(0, +) }

    // MARK: - Events

    /// A watch has a fresh list of all its pods.
    ///
    /// What is to be done about pods that are no workers comes first: a list of thousands takes its time to be registered.
    public mutating func listed(_ pods: [Pod], by watch: Int, at now: Int64) -> [DiscoveryAction] {
        let uids = Set(pods.map(\.reference.uid))
        leftOutByWatch[watch] = 0
        // A watch that has a pod alone is behind nobody, and a database that was restored from a copy counts from there.
        for uid in uids where entries[uid]?.watches == [watch] { entries[uid]?.pod?.version = nil }
        var actions: [DiscoveryAction] = []
        // What is gone goes first: its address may be a new pod's.
        for uid in entries.keys.sorted() where entries[uid]?.watches.contains(watch) == true && !uids.contains(uid) {
            actions += vanish(uid, from: watch, reason: "It is not listed any more.", at: now)
        }
        // Of two pods with one address the newer one gets it, and the older one is never registered for a moment.
        let (workers, others) = pods.split { PodVerdict($0, rules).isWorker }
        for pod in others + workers.sorted(by: { $0.isNewer(than: $1) }) {
            let wasLeftOut = isLeftOut(pod.reference.uid)
            actions += applied(pod, by: watch, at: now)
            if wasLeftOut { leftOutByWatch[watch, default: 0] += 1 }
        }
        return actions
    }

    /// A pod is so now.
    public mutating func applied(_ pod: Pod, by watch: Int, at now: Int64) -> [DiscoveryAction] {
        let uid = pod.reference.uid
        guard !isLeftOut(uid) else { return [] }
        var entry = entries[uid] ?? Entry(reference: pod.reference, watches: [])
        entry.watches.insert(watch)
        // Another watch may be ahead of this one.
        if let known = entry.pod?.version, let version = pod.version, version < known {
            entries[uid] = entry
            return []
        }
        let wasTerminating = entry.pod?.isTerminating ?? false
        entry.pod = pod
        // No pod comes back from that.
        if wasTerminating { entry.pod?.isTerminating = true }
        entries[uid] = entry
        return review(uid, at: now)
    }

    /// A pod is gone, or a watch does not select it any more.
    public mutating func deleted(_ pod: Pod, by watch: Int, at now: Int64) -> [DiscoveryAction] {
        let reason = pod.isTerminating ? "It was deleted." : "It was deleted, or its labels match no longer."
        let uid = pod.reference.uid
        guard let entry = entries[uid], entry.watches.contains(watch) else { return [] }
        guard entry.watches.count > 1, let version = pod.version else {
            return vanish(uid, from: watch, reason: reason, at: now)
        }
        entries[uid]?.watches.remove(watch)
        // A watch that selects it still has told the same change already; else it is out until one does.
        if let known = entry.pod?.version, known >= version { return [] }
        guard case .dismissed = entry.stage else { return leave(uid, reason: reason, at: now) }
        return []
    }

    /// No watch will say anything any more: all selectors are empty.
    public mutating func endedWithoutWatches(at now: Int64) -> [DiscoveryAction] {
        guard rules.selectors.isEmpty else { return [] }
        return entries.keys.sorted().flatMap { forget($0, reason: "No selector is given.", at: now) }
    }

    /// A registration that was asked for was refused; it is tried again.
    ///
    /// - Returns: whether the reason is another one than before.
    public mutating func refused(_ uid: String, reason: String, at now: Int64) -> Bool {
        guard let entry = entries[uid], case .registered(let worker) = entry.stage else { return false }
        let isNews = refusals[uid] != reason
        refusals[uid] = reason
        set(uid, .refused(worker, reason: reason, retryAt: now + PodDiscovery.retryMilliseconds))
        return isNews
    }

    /// A person has removed the worker of a pod.
    public mutating func dismissed(_ uid: String, at now: Int64) -> [DiscoveryAction] {
        guard entries[uid] != nil else { return [] }
        // The registration is gone already.
        let actions = leave(uid, reason: "", at: now).filter { action in
            if case .remove(let pod, _) = action { pod.uid != uid } else { true }
        }
        set(uid, .dismissed)
        return actions
    }

    /// When ``due(at:)`` has something to do; nil: never, unless something happens.
    public var nextDeadline: Int64? {
        waiting.compactMap { entries[$0]?.stage.deadline }.min()
    }

    /// Does what only waited for its time.
    public mutating func due(at now: Int64) -> [DiscoveryAction] {
        let due = waiting.filter { uid in entries[uid]?.stage.deadline.map { $0 <= now } ?? false }
        return due.sorted().flatMap { review($0, at: now) }
    }

    // MARK: - Decisions

    private func isLeftOut(_ uid: String) -> Bool {
        entries.count >= PodDiscovery.podsMax && entries[uid] == nil
    }

    private mutating func set(_ uid: String, _ stage: Stage) {
        entries[uid]?.stage = stage
        if stage.deadline == nil { waiting.remove(uid) } else { waiting.insert(uid) }
    }

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
        if let pod = entries[uid]?.pod, case .worker(let worker) = PodVerdict(pod, rules) {
            contenders[worker.url]?.remove(uid)
            if contenders[worker.url]?.isEmpty == true { contenders[worker.url] = nil }
        }
        entries[uid] = nil
        waiting.remove(uid)
        refusals[uid] = nil
        return actions
    }

    /// Brings the registration of one pod to what the pod is now.
    private mutating func review(_ uid: String, at now: Int64) -> [DiscoveryAction] {
        guard let entry = entries[uid], let pod = entry.pod else { return [] }
        switch (PodVerdict(pod, rules), entry.stage) {
        case (_, .dismissed): return []
        case (.worker(let worker), .registered(let current)) where worker.isSameRegistration(as: current):
            set(uid, .registered(worker))
            return worker.weight == current.weight ? [] : [.weigh(pod.reference, worker.weight)]
        case (.worker(let worker), .held(let current, _, _)) where worker.isSameRegistration(as: current):
            set(uid, .registered(worker))
            let weighed: [DiscoveryAction] =
                worker.weight == current.weight ? [] : [.weigh(pod.reference, worker.weight)]
            return weighed + [.release(pod.reference)]
        case (.worker(let worker), .refused(let wanted, _, let retryAt)) where worker == wanted:
            guard now >= retryAt else { return [] }
            set(uid, .registered(worker))
            return [.add(pod.reference, worker)]
        case (.worker(let worker), .registered), (.worker(let worker), .held), (.worker(let worker), .refused):
            return leave(uid, reason: "It is another worker now: \(worker.url).", at: now)
                + join(uid, pod, worker, at: now)
        case (.worker(let worker), .outside):
            return join(uid, pod, worker, at: now)
        case (.notReady(let reason), .registered(let worker)):
            guard flapMilliseconds > 0 else { return leave(uid, reason: reason, at: now) }
            set(uid, .held(worker, until: now + flapMilliseconds, reason: reason))
            return [.hold(pod.reference, reason: reason)]
        case (.notReady(let reason), .held(let worker, let until, _)):
            guard now < until else { return leave(uid, reason: reason, at: now) }
            set(uid, .held(worker, until: until, reason: reason))
            return []
        case (.excluded(let reason), _), (.notReady(let reason), _):
            return leave(uid, reason: reason, at: now)
        }
    }

    /// Registers a pod, unless a newer one has its address.
    private mutating func join(_ uid: String, _ pod: Pod, _ worker: PodWorker, at now: Int64) -> [DiscoveryAction] {
        var actions: [DiscoveryAction] = []
        if let owner = owners[worker.url], owner != uid {
            if let other = entries[owner]?.pod, !pod.isNewer(than: other) {
                set(uid, .outside(reason: "Its address belongs to the newer pod \(other.reference)."))
                contenders[worker.url, default: []].insert(uid)
                return []
            }
            owners[worker.url] = nil
            contenders[worker.url, default: []].insert(owner)
            actions += leave(owner, reason: "Its address belongs to the newer pod \(pod.reference).", at: now)
        }
        owners[worker.url] = uid
        set(uid, .registered(worker))
        return actions + [.add(pod.reference, worker)]
    }

    /// Ends a registration, if there is one; a pod that waited for the address gets it.
    private mutating func leave(_ uid: String, reason: String, at now: Int64) -> [DiscoveryAction] {
        guard let entry = entries[uid] else { return [] }
        set(uid, .outside(reason: reason))
        let url: WorkerURL
        var actions: [DiscoveryAction] = []
        switch entry.stage {
        case .registered(let current), .held(let current, _, _):
            url = current.url
            actions = [.remove(entry.reference, reason: reason)]
        case .refused(let wanted, _, _): url = wanted.url
        case .outside, .dismissed: return []
        }
        guard owners[url] == uid else { return actions }
        owners[url] = nil
        let heirs = contenders.removeValue(forKey: url) ?? []
        return actions + heirs.subtracting([uid]).sorted().flatMap { review($0, at: now) }
    }
}

extension PodDiscovery.Stage {
    /// When something is to be done about it.
    fileprivate var deadline: Int64? {
        switch self {
        case .held(_, let until, _): until
        case .refused(_, _, let retryAt): retryAt
        case .outside, .dismissed, .registered: nil
        }
    }
}

extension PodVerdict {
    fileprivate var isWorker: Bool {
        if case .worker = self { true } else { false }
    }
}

extension Array {
    /// Those that are so and those that are not, each in its order.
    fileprivate func split(_ isSo: (Element) -> Bool) -> (those: [Element], others: [Element]) {
        var (those, others): ([Element], [Element]) = ([], [])
        for element in self {
            if isSo(element) { those.append(element) } else { others.append(element) }
        }
        return (those, others)
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
