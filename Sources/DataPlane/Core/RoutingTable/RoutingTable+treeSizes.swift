extension RoutingTable {
    /// Characters of the texts that `cache_aware` has for each worker, of all models, by the tokens of their leases; empty where
    /// another policy rules.
    public func treeSizes() -> [UInt64: Int] {
        var sums: [UInt64: Int] = [:]
        for pool in pools {
            if case .cacheAware(let policy) = pool.policy { policy.addSizes(to: &sums) }
        }
        return sums
    }
}
