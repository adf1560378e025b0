/// What the policy of a pool keeps from table to table, whichever policy it is.
final class PolicyMemory: Sendable {
    let cacheGroup: CacheGroup
    let cursor = PolicyCursor()
    let cacheAware: CacheAwarePolicy.Memory
    let stickyKeys: StickyKeys
    let bucket = BucketPolicy.Memory()
    let popularity: BlockPopularity

    /// - Parameter former: what was kept for the model's requests so far, which knows what they have sent where.
    init(cacheGroup: CacheGroup, following former: PolicyMemory? = nil) {
        self.cacheGroup = cacheGroup
        cacheAware = former?.cacheAware ?? CacheAwarePolicy.Memory()
        stickyKeys = former?.stickyKeys ?? StickyKeys()
        popularity = former?.popularity ?? BlockPopularity()
    }
}
