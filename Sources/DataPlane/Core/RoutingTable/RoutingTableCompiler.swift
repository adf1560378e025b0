public import SignalboxProtocol

/// Makes routing tables, off the request threads. It owns what outlives a table: slots and policy cursors.
public struct RoutingTableCompiler {
    public private(set) var slots: WorkerSlots
    private let breakers: WorkerBreakers
    private let shared: SharedState
    private(set) var memories: [String: PolicyMemory] = [:]
    /// What is kept for models without a worker: nothing is ever picked there.
    private let nobody = PolicyMemory(cacheGroup: CacheGroup(seed: 0))
    /// The models that have pools of their own in the last table.
    private var pooled: Set<String> = []
    /// The models whose requests were those of the pool of all workers until now.
    private var formerlyCommon: Set<String> = []
    /// What all workers serve, while they do not differ.
    private var common: Set<String> = []
    /// The leases that were unhealthy in the last table.
    private var unhealthy: Set<WorkerSlots.Lease> = []

    public init(_ shared: SharedState) {
        self.shared = shared
        breakers = shared.breakers
        slots = WorkerSlots(shared)
    }

    /// Compiles one table.
    ///
    /// - Parameters:
    ///   - observations: the newest of each worker; workers without one are judged by their past.
    ///   - addresses: what host names resolve to, by host; a host that is missing is not resolved yet.
    /// - Throws: ``SnapshotRejection`` when there are more workers than slots.
    public mutating func compile(
        _ snapshot: Snapshot,
        digest: SnapshotDigest,
        observed observations: [WorkerObservation],
        addresses: [String: [IPAddress]]
    ) throws(SnapshotRejection) -> RoutingTable {
        var observed: [IncarnationID: WorkerObservation] = [:]
        for observation in observations { observed[observation.incarnation] = observation }

        var workers: [RoutedWorker] = []
        workers.reserveCapacity(snapshot.workers.count)
        for worker in snapshot.workers {
            workers.append(
                try compile(worker, snapshot.settings, observed: observed[worker.incarnation], addresses: addresses)
            )
        }
        noteRecoveries(workers, snapshot.settings.breaker)
        let (pools, poolOfModel) = compilePools(snapshot, workers)
        forgetUnusedTrees(pools)
        breakers.readyChanged(pools.map { $0.ready.map { workers[$0].lease.slot } }, snapshot.settings.breaker)
        return RoutingTable(
            version: snapshot.version,
            digest: digest,
            settings: snapshot.settings,
            workers: workers,
            pools: pools,
            poolOfModel: poolOfModel,
            refusesUnknownModels: RoutingTableCompiler.modelsDiffer(snapshot.workers.filter { $0.takesRequests }),
            modelsBody: RoutingTableCompiler.modelsBody(snapshot.workers, workers)
        )
    }

    /// Trees take much memory: those go that no pool's policy looks at any more.
    private func forgetUnusedTrees(_ pools: [WorkerPool]) {
        let used = Set(pools.compactMap(\.policy.cacheAwareMemory).map(ObjectIdentifier.init))
        for memory in memories.values where !used.contains(ObjectIdentifier(memory.cacheAware)) {
            memory.cacheAware.clear()
        }
    }

    /// Frees the slots of workers that are gone. To be called once every thread has swapped to `snapshot`'s table.
    public mutating func retire(allBut snapshot: Snapshot) {
        for token in slots.retire(allBut: Set(snapshot.workers.map(\.incarnation))) {
            for memory in memories.values {
                memory.cacheAware.forget(token)
                memory.stickyKeys.forget(token)
            }
        }
        let models = Set(snapshot.workers.flatMap { $0.models.map(\.id) }).union(pooled)
        memories = memories.filter { $0.key.isEmpty || models.contains($0.key) }
    }

    /// Keeps what workers told of their load; that of workers without a slot yet comes again with the next message.
    ///
    /// - Parameter now: when the message came.
    public func note(_ told: [WorkerLoad], at now: MonotonicTime) {
        for load in told where load.tokens >= 0 {
            guard let lease = slots.existingLease(for: load.incarnation) else { continue }
            let left = max(0, load.freshMilliseconds - load.ageMilliseconds)
            shared.loads.setTold(load.tokens, slot: lease.slot, until: now.adding(milliseconds: left))
        }
    }

    /// A worker that answers its probes again is tried at once, whatever time its breaker had set.
    private mutating func noteRecoveries(_ workers: [RoutedWorker], _ settings: BreakerSettings) {
        for worker in workers where worker.availability == .ready && unhealthy.contains(worker.lease) {
            breakers.probedWell(slot: worker.lease.slot, settings)
        }
        unhealthy = Set(workers.lazy.filter { $0.availability == .unhealthy }.map(\.lease))
    }

    private mutating func compile(
        _ worker: SnapshotWorker,
        _ settings: RoutingSettings,
        observed observation: WorkerObservation?,
        addresses: [String: [IPAddress]]
    ) throws(SnapshotRejection) -> RoutedWorker {
        guard let lease = slots.lease(for: worker.incarnation) else {
            throw SnapshotRejection(reason: "There are more workers than this data plane has slots for.")
        }
        let url: WorkerURL
        do {
            url = try WorkerURL(worker.url)
        } catch {
            throw SnapshotRejection(reason: error.description)
        }
        let resolved = addresses[url.host] ?? []
        let observed = observation?.state
        let availability = WorkerAvailability(of: worker, observed: observed, isResolved: !resolved.isEmpty)
        let fleetKey = RoutingTableCompiler.fleetKey(worker.incarnation)
        return RoutedWorker(
            id: worker.id,
            incarnation: worker.incarnation,
            lease: lease,
            endpoint: WorkerEndpoint(url, id: worker.id, addresses: resolved),
            availability: availability,
            isSilent: availability == .unhealthy && observation?.isSilent == true,
            weight: worker.weight,
            requestsMax: settings.admission.workerRequestsMax > 0
                ? settings.admission.workerRequestsMax : worker.runningRequestsMax,
            isCut: worker.isCut,
            observed: RoutingTableCompiler.watched(worker, observed: observed),
            fleetKey: fleetKey,
            urlKey: RoutingTableCompiler.urlKey(url, resolved) ?? fleetKey
        )
    }

    /// Drawn from the URL; nil for one that means another worker on another host.
    private static func urlKey(_ url: WorkerURL, _ addresses: [IPAddress]) -> UInt64? {
        guard !addresses.isEmpty, !addresses.contains(where: \.isLoopback) else { return nil }
        let bytes = Array(url.description.utf8)
        return BlockHasher.hash(bytes.span, 0..<bytes.count)
    }

    /// Half of the bits of the incarnation's UUID.
    private static func fleetKey(_ incarnation: IncarnationID) -> UInt64 {
        incarnation.description.utf8.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
    }

    private static func watched(_ worker: SnapshotWorker, observed: ObservedState?) -> ObservedState? {
        guard worker.intent == .active, worker.healthCheck else { return nil }
        return observed ?? (worker.wasReady ? .ready : .pending)
    }

    /// The pool of all workers, and one for every model that not all workers serve or that has a policy of its own.
    private mutating func compilePools(
        _ snapshot: Snapshot,
        _ workers: [RoutedWorker]
    ) -> ([WorkerPool], [[UInt8]: Int]) {
        let standard = ModelConfiguration(model: "")
        let routable = snapshot.workers.indices.filter { snapshot.workers[$0].takesRequests }
        var pools = [pool(standard, snapshot, members: routable, workers)]
        var poolOfModel: [[UInt8]: Int] = [:]
        var configurations: [String: ModelConfiguration] = [:]
        for configuration in snapshot.models { configurations[configuration.model] = configuration }

        let modelsDiffer = RoutingTableCompiler.modelsDiffer(routable.map { snapshot.workers[$0] })
        // A worker that drains does not keep a model.
        let active = routable.lazy.filter { snapshot.workers[$0].intent == .active }
        let served = Set(active.flatMap { snapshot.workers[$0].models.map(\.id) })
        // Where workers do not differ, a model that they serve needs no pool beside that of all.
        var names = Set(
            snapshot.models.lazy.filter { $0.policy != nil || $0.timeouts != nil || !served.contains($0.model) }.map(
                \.model
            )
        )
        if modelsDiffer { names.formUnion(served) }
        pooled = names
        formerlyCommon = modelsDiffer ? common : names
        common = modelsDiffer ? [] : served
        for name in names.sorted() {
            let configuration = configurations[name] ?? ModelConfiguration(model: name)
            // Where workers do not differ, a name that none of them has said may be another one of what they serve.
            let mayBeAlias = !modelsDiffer && configuration.wasServed != true
            let members = routable.filter { index in
                let models = snapshot.workers[index].models
                return mayBeAlias || models.isEmpty || models.contains { $0.id == name }
            }
            poolOfModel[Array(name.utf8)] = pools.count
            pools.append(pool(configuration, snapshot, members: members, workers))
        }
        return (pools, poolOfModel)
    }

    private mutating func pool(
        _ configuration: ModelConfiguration,
        _ snapshot: Snapshot,
        members: [Int],
        _ workers: [RoutedWorker]
    ) -> WorkerPool {
        let memory = members.isEmpty && configuration.wasServed == true ? nobody : memory(of: configuration.model)
        let policy = configuration.policy ?? snapshot.policy
        let ready = members.filter { workers[$0].availability == .ready }
        let timeouts = snapshot.settings.timeouts
        return WorkerPool(
            policy: Policy(
                policy,
                memory: memory,
                members: members.map { ($0, snapshot.workers[$0].url, workers[$0].weight) },
                readyCaches: ready.map { snapshot.workers[$0].cacheTokens },
                index: { shared.prefixIndex }
            ),
            cacheGroup: memory.cacheGroup,
            policyNumber: PolicyName.allCases.firstIndex(of: policy.name) ?? 0,
            ready: ready,
            hasPending: members.contains { workers[$0].availability == .pending },
            hasUnhealthy: members.contains { workers[$0].availability == .unhealthy },
            timeouts: configuration.timeouts?.applied(to: timeouts) ?? timeouts
        )
    }

    /// What is kept for a model. Models share no blocks in the prefix index, and neither do versions of the hash: a data plane
    /// knows no group of another version. A model that gets a pool of its own, because another one has come or it has
    /// settings now, goes on with what was known of its requests.
    private mutating func memory(of model: String) -> PolicyMemory {
        if let memory = memories[model] { return memory }
        let former = formerlyCommon.contains(model) ? memories[""] : nil
        let bytes = Array(model.utf8)
        let group = CacheGroup(
            seed: BlockHasher.hash(bytes.span, 0..<bytes.count, seed: BlockHasher.version),
            number: freeGroupNumber,
            following: former?.cacheGroup
        )
        let memory = PolicyMemory(cacheGroup: group, following: former)
        memories[model] = memory
        return memory
    }

    /// The least number that no model has. Blocks that are left of a former one match no other model's.
    private var freeGroupNumber: UInt16 {
        let taken = Set(memories.values.map(\.cacheGroup.number))
        return (0...UInt16.max).first { !taken.contains($0) } ?? .max
    }

    /// Whether requests have to be told apart by model: some workers serve models that others do not.
    private static func modelsDiffer(_ workers: [SnapshotWorker]) -> Bool {
        let known = workers.filter { $0.intent == .active && !$0.models.isEmpty }
        guard let first = known.first else { return false }
        let models = Set(first.models.map(\.id))
        return known.contains { Set($0.models.map(\.id)) != models }
    }

    /// The union of the ready workers' cards, as they gave them; the first worker that names a model speaks for it.
    private static func modelsBody(_ snapshotWorkers: [SnapshotWorker], _ workers: [RoutedWorker]) -> String {
        var seen: Set<String> = []
        var cards: [String] = []
        for (worker, routed) in zip(snapshotWorkers, workers)
        where worker.takesRequests && routed.availability == .ready {
            for model in worker.models where seen.insert(model.id).inserted { cards.append(model.card) }
        }
        return #"{"object":"list","data":["# + cards.joined(separator: ",") + "]}"
    }
}
