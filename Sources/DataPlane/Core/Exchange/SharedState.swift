/// What the threads of one data plane share.
public struct SharedState: Sendable {
    public let loads: WorkerLoads
    public let breakers: WorkerBreakers
    public let limits: WorkerLimits
    public let admission: AdmissionGate
    public let origin: SnapshotOrigin
    private let prefixIndexSource: PrefixIndexSource

    /// - Parameters:
    ///   - slotsMax: workers that can be counted, present and past ones that still have requests.
    ///   - prefixIndexBytes: memory of the prefix index, taken when a policy needs it.
    ///   - now: the present moment.
    public init(
        slotsMax: Int,
        prefixIndexBytes: Int = 64 << 20,
        at now: MonotonicTime = MonotonicTime(milliseconds: 1)
    ) {
        loads = WorkerLoads(slotsMax: slotsMax)
        breakers = WorkerBreakers(loads: loads)
        limits = WorkerLimits(loads: loads)
        admission = AdmissionGate()
        origin = SnapshotOrigin(at: now)
        prefixIndexSource = PrefixIndexSource(bytesMax: prefixIndexBytes)
    }

    /// The prefix index, made when a policy first asks for it.
    var prefixIndex: PrefixIndex { prefixIndexSource.index }

    /// The prefix index, if a policy has asked for it.
    var existingPrefixIndex: PrefixIndex? { prefixIndexSource.existing }
}
