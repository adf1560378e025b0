/// What the threads of one data plane share.
public struct SharedState: Sendable {
    public let loads: WorkerLoads
    public let breakers: WorkerBreakers
    public let limits: WorkerLimits
    public let admission: AdmissionGate
    public let origin: SnapshotOrigin
    public let explanations = RecentExplanations()
    /// Says whose the cells of workers are; nil where nobody reads them.
    let workerRows: WorkerRows?
    /// What other data planes are to be told.
    let outbox = PlacementOutbox()
    /// Where the workers of the present table are kept.
    let places: FleetPlacesBox
    private let prefixIndexSource: PrefixIndexSource

    /// - Parameters:
    ///   - slotsMax: workers that can be counted, present and past ones that still have requests.
    ///   - prefixIndexBytes: memory of the prefix index, taken when a policy needs it.
    ///   - workerRows: says whose the cells of workers are.
    ///   - now: the present moment.
    public init(
        slotsMax: Int,
        prefixIndexBytes: Int = 64 << 20,
        workerRows: WorkerRows? = nil,
        at now: MonotonicTime = MonotonicTime(milliseconds: 1)
    ) {
        self.workerRows = workerRows
        loads = WorkerLoads(slotsMax: slotsMax)
        breakers = WorkerBreakers(loads: loads)
        limits = WorkerLimits(loads: loads)
        admission = AdmissionGate()
        origin = SnapshotOrigin(at: now)
        places = FleetPlacesBox()
        prefixIndexSource = PrefixIndexSource(bytesMax: prefixIndexBytes)
    }

    /// A table is about to be used; to be called before a slot or lane of the one before is given to another worker.
    public func setPlaces(of table: RoutingTable) {
        places.withLock { $0.replace(with: table) }
    }

    /// Placements that no peer was told of, because there were too many at once.
    public var untoldPlacements: Int { outbox.dropped }

    /// The workers of the present table.
    public var workers: [RoutedWorker] { places.withLock { $0.routed } }

    /// What was counted of a worker, in the order of ``MetricsLayout/WorkerCell``; empty when nobody reads that.
    public func counted(of worker: RoutedWorker) -> [UInt64] {
        workerRows?.counted(worker.incarnation, slot: worker.lease.slot) ?? []
    }

    /// Memory that the prefix index takes, and the most that it may take, in bytes.
    public var prefixIndexBytes: Int { existingPrefixIndex?.bytes ?? 0 }
    public var prefixIndexBytesMax: Int { prefixIndexSource.bytesMax }

    /// Counts one piece more of what workers are thought to have, where a policy has asked for that.
    public func advance(_ census: inout PrefixCensus, _ table: RoutingTable) {
        guard let index = existingPrefixIndex else { return }
        census.advance(index, table.workers.lazy.map(\.lease))
    }

    /// The limit that is learned for a worker; 0: none, or it says one itself.
    public func learnedLimit(of worker: RoutedWorker) -> Int {
        worker.requestsMax == nil ? loads.learnedMax(slot: worker.lease.slot) : 0
    }

    /// Whether a policy has asked for the prefix index.
    public var usesPrefixIndex: Bool { existingPrefixIndex != nil }

    /// The prefix index, made when a policy first asks for it.
    var prefixIndex: PrefixIndex { prefixIndexSource.index }

    /// The prefix index, if a policy has asked for it.
    var existingPrefixIndex: PrefixIndex? { prefixIndexSource.existing }
}
