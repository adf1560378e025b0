/// Between a prefix index and the pieces of its copy.
extension IndexCopyPiece {
    /// The piece that is asked for; nil when there is no index.
    init?(answering request: IndexCopyRequest, from shared: SharedState) {
        guard let index = shared.existingPrefixIndex else {
            self.init(cursor: request.cursor, next: IndexCopyPiece.end, workers: [], groups: [])
            return
        }
        let places = shared.places.withLock { $0 }
        var workerOfLane = [UInt8?](repeating: nil, count: LaneSet.lanesMax)
        var workers: [UInt64] = []
        for (key, place) in places.workers {
            guard let lane = place.lane, workers.count < LaneSet.lanesMax else { continue }
            workerOfLane[lane] = UInt8(workers.count)
            workers.append(key)
        }
        var groups: [CacheGroup] = []
        var groupOfNumber: [UInt16: UInt16] = [:]
        for group in places.groups.values.prefix(IndexCopyPiece.groupsMax) {
            groupOfNumber[group.number] = UInt16(groups.count)
            groups.append(group)
        }
        self.init(cursor: request.cursor, next: request.cursor, workers: workers, groups: groups.map(\.seed))
        var bytes = 16 + 8 * (workers.count + groups.count)
        var bucket = Int(request.cursor)
        while bucket < index.bucketCount, bytes < IndexCopyPiece.bytesMax - PrefixIndex.waysPerBucket * 300 {
            index.forEachBlock(ofBucket: bucket) { hash, lanes, stamp, number in
                guard let group = groupOfNumber[number], groups[Int(group)].isFresh(stamp) else { return }
                var members: [UInt8] = []
                lanes.forEach { lane in
                    if let worker = workerOfLane[lane] { members.append(worker) }
                }
                guard !members.isEmpty else { return }
                let age = groups[Int(group)].age(of: stamp)
                let block = Block(hash: hash, age: age, group: group, workers: members)
                bytes += block.encodedBytes
                blocks.append(block)
            }
            bucket += 1
        }
        next = bucket < index.bucketCount ? UInt32(bucket) : IndexCopyPiece.end
    }

    /// Takes the blocks over, as far as their workers and groups are known here.
    func restore(into shared: SharedState) {
        guard let index = shared.existingPrefixIndex else { return }
        shared.places.withLock { places in
            let lanes = workers.map { places.workers[$0]?.lane }
            let groups = groups.map { places.groups[$0] }
            for block in blocks {
                guard let group = groups[Int(block.group)] else { continue }
                var set = LaneSet()
                for worker in block.workers {
                    if let lane = lanes[Int(worker)] { set.insert(lane) }
                }
                if !set.isEmpty { index.restore(block.hash, set, age: block.age, group) }
            }
        }
    }
}
