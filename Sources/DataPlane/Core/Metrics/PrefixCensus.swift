/// How much of prompts each worker is thought to have, counted through the prefix index a piece at a time, so that no thread
/// that serves waits for it: what it says is as old as its last pass, some seconds.
public struct PrefixCensus: Sendable {
    /// Places of the index that are looked at while its lock is held.
    static let placesOfLook = 64
    /// Looks of one piece.
    static let looksMax = 512

    /// Blocks of each lane, as the last whole pass found them.
    private var blocks = [Int](repeating: 0, count: LaneSet.lanesMax)
    /// The same in the pass that goes on.
    private var found = [Int](repeating: 0, count: LaneSet.lanesMax)
    private var nextShard = 0
    private var nextPlace = 0
    /// The lease that has each lane.
    private var owners = [UInt64](repeating: 0, count: LaneSet.lanesMax)

    public init() {}

    /// Counts one piece more.
    ///
    /// - Parameter leases: those of the workers that there are now; what another one had in the lane is forgotten.
    public mutating func advance(_ index: PrefixIndex, _ leases: some Sequence<WorkerSlots.Lease>) {
        for lease in leases {
            guard let lane = lease.lane, owners[lane] != lease.token else { continue }
            owners[lane] = lease.token
            blocks[lane] = 0
            found[lane] = 0
        }
        for _ in 0..<PrefixCensus.looksMax {
            let places = nextPlace..<(nextPlace + PrefixCensus.placesOfLook)
            if index.countBlocks(ofShard: nextShard, places, into: &found) {
                nextPlace = places.upperBound
                continue
            }
            nextPlace = 0
            nextShard += 1
            guard nextShard == index.shardCount else { continue }
            nextShard = 0
            swap(&blocks, &found)
            for lane in found.indices { found[lane] = 0 }
            return
        }
    }

    /// Bytes of prompts that the worker in a lane is thought to have; 0 for one that the index does not know.
    public func bytes(_ lease: WorkerSlots.Lease) -> Int {
        guard let lane = lease.lane, owners[lane] == lease.token else { return 0 }
        return blocks[lane] * BlockHasher.blockBytes
    }
}
