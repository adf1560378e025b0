import Synchronization

/// Which workers have been sent which blocks of text: a table of fixed size, shared by the threads of a data plane.
///
/// A block stands in one of the eight places of its bucket; a new one takes the place that was used least recently, so that
/// there is no other eviction and nothing ever stalls. A hash that stands for two texts (2^-64 for each pair) costs a wrong
/// guess, nothing else.
public final class PrefixIndex: Sendable {
    static let waysPerBucket = 8
    private static let shardsMax = 64

    /// One block.
    private struct Entry: Sendable {
        /// 0: the place is empty.
        var hash: UInt64 = 0
        var lanes = LaneSet()
        /// When it was used last, in blocks that were new to its shard until then.
        var stamp: UInt64 = 0
    }

    /// A part of the table with a lock of its own.
    private final class Shard: Sendable {
        let state: Mutex<(entries: [Entry], inserted: UInt64)>

        init(buckets: Int) {
            state = Mutex(([Entry](repeating: Entry(), count: buckets * PrefixIndex.waysPerBucket), 0))
        }
    }

    private let shards: [Shard]
    private let bucketsPerShard: Int

    /// Bytes of one place.
    public static var entryBytes: Int { MemoryLayout<Entry>.stride }

    /// Takes no more memory than `bytesMax`, and all of it at once; at least one bucket.
    public init(bytesMax: Int) {
        let buckets = max(1, bytesMax / (PrefixIndex.entryBytes * PrefixIndex.waysPerBucket))
        let count = min(PrefixIndex.shardsMax, buckets)
        let perShard = buckets / count
        bucketsPerShard = perShard
        shards = (0..<count).map { _ in Shard(buckets: perShard) }
    }

    /// Bytes of the table.
    public var bytes: Int { shards.count * bucketsPerShard * PrefixIndex.waysPerBucket * PrefixIndex.entryBytes }

    /// How many leading blocks of a text each worker has been sent, by lane.
    ///
    /// - Parameters:
    ///   - depths: gets the number for every lane; must have ``LaneSet/lanesMax`` elements.
    ///   - freshBlocks: a block counts while fewer blocks than these, which were new then, have come since it was used.
    public func match(_ hashes: [UInt64], into depths: inout [Int], freshBlocks: Int = .max) {
        let fresh = UInt64(max(1, freshBlocks / shards.count))
        for lane in depths.indices { depths[lane] = 0 }
        guard let first = hashes.first else { return }
        var left = lanes(of: first, fresh: fresh)
        var depth = 1
        while depth < hashes.count, !left.isEmpty {
            let next = left.intersection(lanes(of: hashes[depth], fresh: fresh))
            left.subtracting(next).forEach { depths[$0] = depth }
            left = next
            depth += 1
        }
        left.forEach { depths[$0] = depth }
    }

    /// A worker has been sent a text.
    ///
    /// - Parameter freshBlocks: as for ``match(_:into:freshBlocks:)``; of a block that no longer counts the other workers are
    ///   forgotten, for it has left their caches, too.
    public func insert(_ hashes: [UInt64], lane: Int, freshBlocks: Int = .max) {
        precondition(lane >= 0 && lane < LaneSet.lanesMax, "there is no lane \(lane)")
        let fresh = UInt64(max(1, freshBlocks / shards.count))
        for hash in hashes { insert(hash, lane: lane, fresh: fresh) }
    }

    /// The lane gets another worker: nothing of the old one is left.
    public func forget(lane: Int) {
        for shard in shards {
            shard.state.withLock { state in
                for index in state.entries.indices where state.entries[index].lanes.contains(lane) {
                    state.entries[index].lanes.remove(lane)
                    if state.entries[index].lanes.isEmpty { state.entries[index] = Entry() }
                }
            }
        }
    }

    /// Places that are taken.
    public var count: Int {
        shards.reduce(0) { sum, shard in sum + shard.state.withLock { $0.entries.count { $0.hash != 0 } } }
    }

    private func lanes(of hash: UInt64, fresh: UInt64) -> LaneSet {
        let hash = max(1, hash)
        return shards[shard(of: hash)].state.withLock { state in
            for index in places(of: hash) where state.entries[index].hash == hash {
                return state.inserted - state.entries[index].stamp > fresh ? LaneSet() : state.entries[index].lanes
            }
            return LaneSet()
        }
    }

    private func insert(_ hash: UInt64, lane: Int, fresh: UInt64) {
        let hash = max(1, hash)
        shards[shard(of: hash)].state.withLock { state in
            var oldest = 0
            var oldestStamp = UInt64.max
            for index in places(of: hash) {
                if state.entries[index].hash == hash {
                    if state.inserted - state.entries[index].stamp > fresh { state.entries[index].lanes = LaneSet() }
                    state.entries[index].stamp = state.inserted
                    state.entries[index].lanes.insert(lane)
                    return
                }
                if state.entries[index].stamp < oldestStamp {
                    oldest = index
                    oldestStamp = state.entries[index].stamp
                }
            }
            var entry = Entry()
            entry.hash = hash
            entry.lanes.insert(lane)
            state.inserted += 1
            entry.stamp = state.inserted
            state.entries[oldest] = entry
        }
    }

    private func shard(of hash: UInt64) -> Int { Int(hash >> 32) % shards.count }

    private func places(of hash: UInt64) -> Range<Int> {
        let first = Int(UInt32(truncatingIfNeeded: hash)) % bucketsPerShard * PrefixIndex.waysPerBucket
        return first..<(first + PrefixIndex.waysPerBucket)
    }
}
