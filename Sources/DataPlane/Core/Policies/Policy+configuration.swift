import SignalboxProtocol

extension Policy {
    /// Compiles a policy for a pool.
    ///
    /// - Parameters:
    ///   - members: all workers of the pool, ready or not, by their index in the table.
    ///   - readyCaches: for each of them that is ready, how many tokens it says that its cache holds.
    ///   - index: called for the prefix index when the policy uses it.
    init(
        _ configuration: PolicyConfiguration,
        memory: PolicyMemory,
        members: [(index: Int, name: String, weight: Int)],
        readyCaches: [Int?],
        index: () -> PrefixIndex
    ) {
        func number(_ parameter: PolicyParameter) -> Double { configuration.value(of: parameter) }
        let cursor = memory.cursor
        let isWeighted = members.contains { $0.weight != members[0].weight }
        switch configuration.name {
        case .roundRobin: self = .roundRobin(cursor, isWeighted: isWeighted)
        case .random: self = .random(isWeighted: isWeighted)
        case .leastLoad: self = .leastLoad(cursor)
        case .powerOfTwo: self = .powerOfTwo
        case .cacheAware:
            let parameters = CacheAwarePolicy.Parameters(
                threshold: Float(number(.cacheThreshold)),
                balanceAbsolute: Int(number(.balanceAbsoluteThreshold)),
                balanceRelative: Float(number(.balanceRelativeThreshold)),
                evictionMilliseconds: Int(number(.evictionIntervalSeconds) * 1000),
                treeMax: Int(number(.treeSizeMax)),
                missesGoToSmallestTree: number(.smallestTree) == 1,
                equalsTakeTurns: number(.firstOfEquals) == 0
            )
            self = .cacheAware(CacheAwarePolicy(memory.cacheAware, parameters, cursor: cursor))
        case .bucket:
            let policy = BucketPolicy(
                memory.bucket,
                adjustMilliseconds: Int(number(.bucketAdjustIntervalSeconds) * 1000),
                balanceAbsolute: Int(number(.balanceAbsoluteThreshold)),
                balanceRelative: Float(number(.balanceRelativeThreshold))
            )
            self = .bucket(policy, cursor)
        case .manual:
            self = .manual(
                ManualPolicy(
                    keys: memory.stickyKeys,
                    assignment: ManualPolicy.Assignment(rawValue: Int(number(.assignmentMode))) ?? .random,
                    idleMilliseconds: Int(number(.idleSecondsMax) * 1000),
                    cursor: cursor,
                    rendezvous: Rendezvous(members)
                )
            )
        case .consistentHashing: self = .consistentHashing(Rendezvous(members))
        case .prefixHash: self = .prefixHash(Rendezvous(members), loadFactor: number(.loadFactor), cursor)
        case .kvCost:
            // What was sent to the workers long ago has left their caches.
            let isGiven = configuration.parameters[PolicyParameter.cacheTokens.rawValue] != nil
            let tokens = readyCaches.reduce(0) { sum, told in
                sum + (isGiven ? number(.cacheTokens) : told.map(Double.init) ?? number(.cacheTokens))
            }
            memory.cacheGroup.hold(tokens: readyCaches.isEmpty ? number(.cacheTokens) : tokens)
            self = .kvCost(
                KVCostPolicy(
                    index: index(),
                    group: memory.cacheGroup,
                    popularity: memory.popularity,
                    readyCount: readyCaches.count
                )
            )
        }
    }
}
