/// What the threads of one data plane share.
public struct SharedState: Sendable {
    public let loads: WorkerLoads
    public let breakers: WorkerBreakers
    public let limits: WorkerLimits
    public let admission: AdmissionGate
    public let origin: SnapshotOrigin

    /// - Parameter slotsMax: workers that can be counted, present and past ones that still have requests.
    public init(slotsMax: Int, at now: MonotonicTime = MonotonicTime(milliseconds: 1)) {
        loads = WorkerLoads(slotsMax: slotsMax)
        breakers = WorkerBreakers(loads: loads)
        limits = WorkerLimits(loads: loads)
        admission = AdmissionGate()
        origin = SnapshotOrigin(at: now)
    }
}
