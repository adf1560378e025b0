import Synchronization

/// Which workers have been sent which blocks of text: a table of bounded size, shared by the threads of a data plane.
///
/// A block stands in one of the eight places of its bucket; a new one takes the place that was used least recently, so that
/// there is no other eviction and nothing ever stalls. A bucket takes memory when its first block comes. A hash that stands
/// for two texts (2^-64 for each pair) costs a wrong guess, nothing else.
public final class PrefixIndex: Sendable {
    static let waysPerBucket = 8
    private static let shardsMax = 64

    /// One block.
    private struct Entry: Sendable {
        /// 0: the place is empty.
        var hash: UInt64 = 0
        var lanes = LaneSet()
        /// When it was used last, by the clock of its group.
        var stamp: UInt32 = 0
        /// When it was used last, by the clock of its shard: which of the places of a bucket is given up.
        var used: UInt32 = 0
        /// The number of its group.
        var group: UInt16 = 0
    }

    /// The content of a shard.
    private struct Table: Sendable {
        /// For each bucket the number of its first entry, plus one; 0: it has none yet.
        var buckets: [UInt32]
        /// Grows by a bucket at a time, within what was reserved.
        var entries: [Entry] = []
        /// Blocks that were new to the shard.
        var clock: UInt32 = 0
    }

    /// A part of the table with a lock of its own.
    private final class Shard: Sendable {
        let table: Mutex<Table>

        init(buckets: Int) {
            table = Mutex(Table(buckets: [UInt32](repeating: 0, count: buckets)))
        }
    }

    /// What one bucket takes: its number, and its places.
    static var bucketBytes: Int { MemoryLayout<UInt32>.stride + waysPerBucket * MemoryLayout<Entry>.stride }

    private let shards: [Shard]
    let bucketsPerShard: Int

    /// Takes no more memory than `bytesMax`, little of it at once; at least one bucket.
    public init(bytesMax: Int) {
        let buckets = max(1, bytesMax / PrefixIndex.bucketBytes)
        let count = min(PrefixIndex.shardsMax, buckets)
        let perShard = buckets / count
        bucketsPerShard = perShard
        shards = (0..<count).map { _ in Shard(buckets: perShard) }
    }

    /// Bytes of the table when it is full.
    public var bytesMax: Int { shards.count * bucketsPerShard * PrefixIndex.bucketBytes }

    /// Bytes that the table takes now.
    public var bytes: Int {
        shards.reduce(0) { sum, shard in
            sum + bucketsPerShard * MemoryLayout<UInt32>.stride
                + shard.table.withLock { $0.entries.count } * MemoryLayout<Entry>.stride
        }
    }

    /// Buckets there are, in all shards.
    var bucketCount: Int { shards.count * bucketsPerShard }

    /// How many leading blocks of a text each worker has been sent and still has, by lane.
    ///
    /// - Parameter depths: gets the number for every lane; must have ``LaneSet/lanesMax`` elements.
    func match(_ hashes: [UInt64], into depths: inout [Int], _ group: CacheGroup) {
        for lane in depths.indices { depths[lane] = 0 }
        guard let first = hashes.first else { return }
        var left = lanes(of: first, group)
        var depth = 1
        while depth < hashes.count, !left.isEmpty {
            let next = left.intersection(lanes(of: hashes[depth], group))
            left.subtracting(next).forEach { depths[$0] = depth }
            left = next
            depth += 1
        }
        left.forEach { depths[$0] = depth }
    }

    /// A worker has been sent a text. Of a block that has left all caches the other workers are forgotten.
    func insert(_ hashes: [UInt64], lane: Int, _ group: CacheGroup) {
        precondition(lane >= 0 && lane < LaneSet.lanesMax, "there is no lane \(lane)")
        for hash in hashes { insert(hash, lane: lane, group) }
    }

    /// The lane gets another worker: nothing of the old one is left.
    func forget(lane: Int) {
        for shard in shards {
            shard.table.withLock { table in
                for index in table.entries.indices where table.entries[index].lanes.contains(lane) {
                    table.entries[index].lanes.remove(lane)
                    if table.entries[index].lanes.isEmpty { table.entries[index] = Entry() }
                }
            }
        }
    }

    /// Places that are taken.
    public var count: Int {
        shards.reduce(0) { sum, shard in sum + shard.table.withLock { $0.entries.count { $0.hash != 0 } } }
    }

    /// Adds one to the number of each lane for each block that it has among some places of a shard, in the order in which
    /// they came into use.
    ///
    /// - Parameters:
    ///   - shard: its number, below ``shardCount``.
    ///   - places: which; few at a time, because requests wait for the lock meanwhile.
    ///   - found: must have ``LaneSet/lanesMax`` elements.
    /// - Returns: whether the shard has more places behind them.
    func countBlocks(ofShard shard: Int, _ places: Range<Int>, into found: inout [Int]) -> Bool {
        shards[shard].table.withLock { table in
            for index in places.clamped(to: table.entries.indices) where table.entries[index].hash != 0 {
                table.entries[index].lanes.forEach { found[$0] += 1 }
            }
            return places.upperBound < table.entries.count
        }
    }

    var shardCount: Int { shards.count }

    /// Calls `body` with each block of a bucket.
    func forEachBlock(
        ofBucket bucket: Int,
        _ body: (_ hash: UInt64, _ lanes: LaneSet, _ stamp: UInt32, _ group: UInt16) -> Void
    ) {
        shards[bucket / bucketsPerShard].table.withLock { table in
            let first = Int(table.buckets[bucket % bucketsPerShard]) - 1
            guard first >= 0 else { return }
            for index in first..<(first + PrefixIndex.waysPerBucket) where table.entries[index].hash != 0 {
                let entry = table.entries[index]
                body(entry.hash, entry.lanes, entry.stamp, entry.group)
            }
        }
    }

    /// A block that another data plane knows, `age` blocks of its group old.
    func restore(_ hash: UInt64, _ lanes: LaneSet, age: UInt32, _ group: CacheGroup) {
        shards[shard(of: hash)].table.withLock { table in
            let (index, isNew) = place(of: hash, in: &table)
            let stamp = group.now &- age
            // What is known here already is younger.
            if isNew {
                table.entries[index] = Entry(hash: hash, stamp: stamp, used: table.clock, group: group.number)
            }
            lanes.forEach { table.entries[index].lanes.insert($0) }
        }
    }

    private func lanes(of hash: UInt64, _ group: CacheGroup) -> LaneSet {
        let hash = max(1, hash)
        return shards[shard(of: hash)].table.withLock { table in
            let first = Int(table.buckets[bucket(of: hash)]) - 1
            guard first >= 0 else { return LaneSet() }
            for index in first..<(first + PrefixIndex.waysPerBucket) where table.entries[index].hash == hash {
                return group.isFresh(table.entries[index].stamp) ? table.entries[index].lanes : LaneSet()
            }
            return LaneSet()
        }
    }

    private func insert(_ hash: UInt64, lane: Int, _ group: CacheGroup) {
        let hash = max(1, hash)
        shards[shard(of: hash)].table.withLock { table in
            let (index, isNew) = place(of: hash, in: &table)
            if isNew {
                table.clock &+= 1
                table.entries[index] = Entry(hash: hash, group: group.number)
            } else {
                group.noteReuse(of: table.entries[index].stamp)
                if !group.isFresh(table.entries[index].stamp) { table.entries[index].lanes = LaneSet() }
            }
            // A block that comes into one more cache takes room there, too.
            let isKnown = table.entries[index].lanes.contains(lane)
            table.entries[index].stamp = isKnown ? group.now : group.advance()
            table.entries[index].used = table.clock
            table.entries[index].lanes.insert(lane)
        }
    }

    /// Where the block stands, or where it has to: in place of the one that was used least recently.
    private func place(of hash: UInt64, in table: inout Table) -> (index: Int, isNew: Bool) {
        let bucket = bucket(of: hash)
        if table.buckets[bucket] == 0 {
            if table.entries.isEmpty { table.entries.reserveCapacity(bucketsPerShard * PrefixIndex.waysPerBucket) }
            table.buckets[bucket] = UInt32(table.entries.count) + 1
            for _ in 0..<PrefixIndex.waysPerBucket { table.entries.append(Entry()) }
        }
        let first = Int(table.buckets[bucket]) - 1
        var oldest = first
        var oldestAge: UInt32 = 0
        for index in first..<(first + PrefixIndex.waysPerBucket) {
            if table.entries[index].hash == hash { return (index, false) }
            let age = table.entries[index].hash == 0 ? UInt32.max : table.clock &- table.entries[index].used
            if age > oldestAge {
                oldest = index
                oldestAge = age
            }
        }
        return (oldest, true)
    }

    private func shard(of hash: UInt64) -> Int { Int(hash >> 32) % shards.count }

    private func bucket(of hash: UInt64) -> Int { Int(UInt32(truncatingIfNeeded: hash)) % bucketsPerShard }
}
