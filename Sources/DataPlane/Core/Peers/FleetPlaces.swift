import Synchronization

/// Where the workers and groups of the present table are kept in this data plane, by the numbers under which data planes
/// speak of them.
struct FleetPlaces: Sendable {
    struct Place: Sendable, Equatable {
        /// Its number among the data planes of this host.
        var worker: UInt64
        /// Its number between hosts.
        var urlKey: UInt64
        var slot: Int
        var lane: Int?
    }

    /// Grows with each table.
    private(set) var generation: UInt64 = 0
    private(set) var workers: [UInt64: Place] = [:]
    /// The numbers of workers on this host by those between hosts.
    private var workersByURL: [UInt64: UInt64] = [:]
    private(set) var groups: [UInt64: CacheGroup] = [:]
    /// The workers of the table.
    private(set) var routed: [RoutedWorker] = []

    /// To be called before any slot or lane of the table before is given to another worker.
    mutating func replace(with table: RoutingTable) {
        generation += 1
        workers = [:]
        workersByURL = [:]
        for worker in table.workers {
            workers[worker.fleetKey] = Place(
                worker: worker.fleetKey,
                urlKey: worker.urlKey,
                slot: worker.lease.slot,
                lane: worker.lane
            )
            // Of a worker that drains and one that has come again under its URL, the other hosts mean the latter.
            if worker.availability != .draining || workersByURL[worker.urlKey] == nil {
                workersByURL[worker.urlKey] = worker.fleetKey
            }
        }
        routed = table.workers
        groups = [:]
        for pool in table.pools { groups[pool.cacheGroup.seed] = pool.cacheGroup }
    }

    /// The worker that another data plane speaks of, by either of its numbers; nil when it is not known here.
    func place(of key: UInt64) -> Place? { workers[key] ?? workersByURL[key].flatMap { workers[$0] } }
}
