/// The blocks of tokens that the engine still has from earlier requests, the least recently used leaving first.
///
/// A block is known by a hash over itself and everything before it, so a block is found only behind the same prefix.
/// Every use touches a chain from its end to its start; a block is therefore never older than those that follow it, and
/// the oldest block is always the end of a chain: eviction never leaves a chain with a hole.
struct PrefixCache {
    /// One cached block in the list from the most to the least recently used; indexes stand for pointers.
    private struct Node {
        var hash: UInt64
        var newer: Int
        var older: Int
    }

    /// Stands for "no node".
    private static let none = -1

    /// Blocks held at most.
    let blocksMax: Int
    private var nodes: [Node] = []
    private var unused: [Int] = []
    private var index: [UInt64: Int] = [:]
    private var newest = PrefixCache.none
    private var oldest = PrefixCache.none

    /// A cache of `blocksMax` blocks; 0 keeps nothing.
    init(blocksMax: Int) {
        self.blocksMax = max(0, blocksMax)
    }

    /// Blocks held now.
    var count: Int { index.count }

    /// How many of the first `blocks` are held, without marking them as used.
    func matchedBlocks(_ blocks: some Collection<UInt64>) -> Int {
        var matched = 0
        for block in blocks {
            guard index[block] != nil else { break }
            matched += 1
        }
        return matched
    }

    /// Takes a chain of blocks in, the most recently used from now on, and evicts the oldest blocks to make room.
    ///
    /// Of a chain longer than the whole cache only the start is kept.
    mutating func insert(_ blocks: some BidirectionalCollection<UInt64>) {
        let kept = blocks.prefix(blocksMax)
        for block in kept.reversed() {
            if let node = index[block] {
                unlink(node)
                linkAsNewest(node)
            }
        }
        for block in kept where index[block] == nil {
            if index.count == blocksMax { evictOldest() }
            add(block)
        }
        for block in kept.reversed() {
            if let node = index[block], node != newest {
                unlink(node)
                linkAsNewest(node)
            }
        }
    }

    /// Forgets everything.
    mutating func removeAll() {
        self = PrefixCache(blocksMax: blocksMax)
    }

    private mutating func add(_ block: UInt64) {
        let fresh = Node(hash: block, newer: PrefixCache.none, older: PrefixCache.none)
        let node: Int
        if let reused = unused.popLast() {
            nodes[reused] = fresh
            node = reused
        } else {
            node = nodes.count
            nodes.append(fresh)
        }
        index[block] = node
        linkAsNewest(node)
    }

    private mutating func evictOldest() {
        let node = oldest
        guard node != PrefixCache.none else { return }
        unlink(node)
        index[nodes[node].hash] = nil
        unused.append(node)
    }

    private mutating func unlink(_ node: Int) {
        let (newer, older) = (nodes[node].newer, nodes[node].older)
        if newer == PrefixCache.none { newest = older } else { nodes[newer].older = older }
        if older == PrefixCache.none { oldest = newer } else { nodes[older].newer = newer }
    }

    private mutating func linkAsNewest(_ node: Int) {
        nodes[node].newer = PrefixCache.none
        nodes[node].older = newest
        if newest != PrefixCache.none { nodes[newest].newer = node }
        newest = node
        if oldest == PrefixCache.none { oldest = node }
    }
}
