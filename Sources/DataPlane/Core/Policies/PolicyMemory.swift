/// What the policy of a pool keeps from table to table, whichever policy it is.
final class PolicyMemory: Sendable {
    let cacheGroup: CacheGroup
    let cursor = PolicyCursor()
    let cacheAware = CacheAwarePolicy.Memory()
    let stickyKeys = StickyKeys()
    let bucket = BucketPolicy.Memory()
    let popularity = BlockPopularity()

    init(cacheGroup: CacheGroup) {
        self.cacheGroup = cacheGroup
    }
}
