import Synchronization

/// Where the workers and groups of the present table are kept in this data plane, by the numbers under which data planes
/// speak of them.
struct FleetPlaces: Sendable {
    struct Place: Sendable, Equatable {
        var slot: Int
        var lane: Int?
    }

    /// Grows with each table.
    private(set) var generation: UInt64 = 0
    private(set) var workers: [UInt64: Place] = [:]
    private(set) var groups: [UInt64: CacheGroup] = [:]

    /// To be called before any slot or lane of the table before is given to another worker.
    mutating func replace(with table: RoutingTable) {
        generation += 1
        workers = [:]
        for worker in table.workers {
            workers[worker.fleetKey] = Place(slot: worker.lease.slot, lane: worker.lane)
        }
        groups = [:]
        for pool in table.pools { groups[pool.cacheGroup.seed] = pool.cacheGroup }
    }
}
