extension RoutingTable {
    /// Characters of the texts that `cache_aware` has for each worker, of all models, by the tokens of their leases; empty where
    /// another policy rules.
    public func treeSizes() -> [UInt64: Int] {
        var sums: [UInt64: Int] = [:]
        // Pools may share one tree.
        var seen: Set<ObjectIdentifier> = []
        for pool in pools {
            guard case .cacheAware(let policy) = pool.policy,
                seen.insert(ObjectIdentifier(policy.memory)).inserted
            else { continue }
            policy.addSizes(to: &sums)
        }
        return sums
    }
}
