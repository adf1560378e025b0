import SignalboxProtocol
import Synchronization

/// A routing policy, compiled into the table: a pick calls no existential, and allocates nothing where the policy keeps no
/// text.
enum Policy: Sendable {
    case roundRobin(PolicyCursor, isWeighted: Bool)
    case random(isWeighted: Bool)
    case leastLoad(PolicyCursor)
    case powerOfTwo
    case cacheAware(CacheAwarePolicy)
    case bucket(BucketPolicy, PolicyCursor)
    case manual(ManualPolicy)
    case consistentHashing(Rendezvous)
    case prefixHash(Rendezvous, loadFactor: Double, PolicyCursor)
    case kvCost(KVCostPolicy)

    var name: PolicyName {
        switch self {
        case .roundRobin: .roundRobin
        case .random: .random
        case .leastLoad: .leastLoad
        case .powerOfTwo: .powerOfTwo
        case .cacheAware: .cacheAware
        case .bucket: .bucket
        case .manual: .manual
        case .consistentHashing: .consistentHashing
        case .prefixHash: .prefixHash
        case .kvCost: .kvCost
        }
    }

    /// What the policy must know of a request.
    var needs: RoutingFacts.Needs {
        switch self {
        case .roundRobin, .random, .leastLoad, .powerOfTwo: []
        case .cacheAware, .prefixHash: .text
        case .bucket: .blocks
        case .manual, .consistentHashing: .key
        case .kvCost: .blocks
        }
    }

    /// What `cache_aware` keeps, where that is the policy.
    var cacheAwareMemory: CacheAwarePolicy.Memory? {
        guard case .cacheAware(let policy) = self else { return nil }
        return policy.memory
    }

    /// The share of the prompt that a worker is thought to have in its cache, in thousandths; nil: this policy does not know.
    /// To be asked between a pick and what is remembered of it.
    func predictedPermille(_ worker: RoutedWorker, _ facts: borrowing RoutingFacts) -> Int? {
        guard case .kvCost = self, facts.textBytes > 0, let lane = worker.lane else { return nil }
        return min(1000, facts.depths[lane] * BlockHasher.blockBytes * 1000 / facts.textBytes)
    }

    /// Picks one of the ready workers of a pool.
    ///
    /// - Parameter facts: what ``needs`` asks for.
    /// - Returns: an index into the table's workers, or nil when the filter admits none.
    func pick(
        from ready: [Int],
        of workers: [RoutedWorker],
        _ filter: WorkerFilter,
        _ facts: inout RoutingFacts,
        using generator: inout some RandomNumberGenerator
    ) -> Int? {
        guard !ready.isEmpty else { return nil }
        switch self {
        case .roundRobin(let cursor, let isWeighted):
            facts.reason = .order
            return isWeighted
                ? RoundRobinPolicy.pickByWeight(from: ready, of: workers, filter, cursor: cursor)
                : RoundRobinPolicy.pick(from: ready, of: workers, filter, cursor: cursor)
        case .random(let isWeighted):
            facts.reason = .chance
            return isWeighted
                ? RandomPolicy.pickByWeight(from: ready, of: workers, filter, using: &generator)
                : RandomPolicy.pick(from: ready, of: workers, filter, using: &generator)
        case .leastLoad(let cursor):
            facts.reason = .load
            return LeastLoadPolicy.pick(from: ready, of: workers, filter, cursor: cursor)
        case .powerOfTwo:
            facts.reason = .load
            return PowerOfTwoPolicy.pick(from: ready, of: workers, filter, using: &generator)
        case .cacheAware(let policy):
            return policy.pick(from: ready, of: workers, filter, &facts)
        case .bucket(let policy, let cursor):
            return policy.pick(from: ready, of: workers, filter, &facts, cursor: cursor)
        case .manual(let policy):
            return policy.pick(from: ready, of: workers, filter, &facts, using: &generator)
        case .consistentHashing(let rendezvous):
            facts.reason = facts.target == nil && facts.key == nil ? .chance : .key
            return ConsistentHashingPolicy.pick(
                from: ready,
                of: workers,
                filter,
                facts,
                rendezvous: rendezvous,
                using: &generator
            )
        case .prefixHash(let rendezvous, let loadFactor, let cursor):
            return PrefixHashPolicy.pick(
                from: ready,
                of: workers,
                filter,
                &facts,
                rendezvous: rendezvous,
                loadFactor: loadFactor,
                cursor: cursor
            )
        case .kvCost(let policy):
            return policy.pick(from: ready, of: workers, filter, &facts, using: &generator)
        }
    }

    /// The request goes to `worker`: what the policy remembers of it.
    ///
    /// - Parameter outbox: what other data planes are told.
    /// - Returns: the prefill work that the worker has more, in tokens; 0 where nobody asks.
    func placed(
        _ worker: RoutedWorker,
        _ facts: RoutingFacts,
        _ outbox: PlacementOutbox,
        at now: MonotonicTime
    ) -> Int {
        switch self {
        case .roundRobin, .random, .leastLoad, .powerOfTwo, .consistentHashing, .prefixHash: return 0
        case .cacheAware(let policy): policy.placed(worker, facts, at: now)
        case .bucket(let policy, _): policy.placed(worker, facts)
        case .manual(let policy): policy.placed(worker, facts, at: now)
        case .kvCost(let policy): return policy.placed(worker, facts, outbox)
        }
        return 0
    }
}

/// Where a policy that goes round stands; shared by all threads and kept from table to table.
public final class PolicyCursor: Sendable {
    private let value = Atomic<UInt64>(0)

    public init() {}

    /// The current position; the next caller gets the next one.
    func advance() -> UInt64 {
        value.wrappingAdd(1, ordering: .relaxed).oldValue
    }
}
