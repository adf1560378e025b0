public import SignalboxProtocol

/// Which counter slot belongs to which incarnation. Owned by the thread that compiles routing tables.
///
/// A slot is free again when its incarnation has left the snapshot and nothing is in flight on it any more, so that
/// a worker that is added again never inherits a load.
public struct WorkerSlots {
    /// A slot in the hands of one incarnation.
    public struct Lease: Hashable, Sendable {
        public var slot: Int
        /// Differs between all leases of a process, also of the same slot.
        public var token: UInt64
        /// Its number in the prefix index; nil when all are taken.
        public var lane: Int?
    }

    private let shared: SharedState
    private var leases: [IncarnationID: Lease] = [:]
    private var retired: [Lease] = []
    private var free: [Int] = []
    private var used = 0
    private var nextToken: UInt64 = 1
    private var freeLanes = Array((0..<LaneSet.lanesMax).reversed())

    public init(_ shared: SharedState) {
        self.shared = shared
    }

    /// The lease of an incarnation, a new one at its first sight; nil when all slots are taken.
    mutating func lease(for incarnation: IncarnationID) -> Lease? {
        if let lease = leases[incarnation] { return lease }
        let slot: Int
        if let reused = free.popLast() {
            slot = reused
        } else {
            guard used < shared.loads.slotsMax else { return nil }
            slot = used
            used += 1
            shared.loads.open(slot: slot)
        }
        let lease = Lease(slot: slot, token: nextToken, lane: freeLanes.popLast())
        nextToken += 1
        leases[incarnation] = lease
        shared.workerRows?.begin(slot: slot, incarnation)
        return lease
    }

    /// The lease that an incarnation has already.
    func existingLease(for incarnation: IncarnationID) -> Lease? { leases[incarnation] }

    /// Gives up the leases of incarnations that are not in `present`. To be called once no thread uses an older table.
    ///
    /// - Returns: the tokens of the leases that have ended.
    @discardableResult
    public mutating func retire(allBut present: Set<IncarnationID>) -> [UInt64] {
        var ended: [UInt64] = []
        for (incarnation, lease) in leases where !present.contains(incarnation) {
            leases[incarnation] = nil
            retired.append(lease)
        }
        retired.removeAll { lease in
            guard shared.loads.inFlight(slot: lease.slot) == 0 else { return false }
            shared.breakers.forget(slot: lease.slot)
            shared.limits.forget(slot: lease.slot)
            shared.loads.forgetRate(slot: lease.slot)
            if let lane = lease.lane {
                shared.existingPrefixIndex?.forget(lane: lane)
                freeLanes.append(lane)
            }
            free.append(lease.slot)
            ended.append(lease.token)
            return true
        }
        return ended
    }
}
