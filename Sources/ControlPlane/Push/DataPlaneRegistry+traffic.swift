package import ControlPlaneCore
internal import SignalboxProtocol

extension DataPlaneRegistry {
    /// What every data plane that may have requests at workers last said of them: the connected ones, and those that fell
    /// silent without a farewell.
    ///
    /// - Parameter isAlive: whether a process of this number runs; what a dead one had is over.
    package func traffic(isAlive: (Int) -> Bool) -> [DataPlaneTraffic] {
        connectedRecords.map { $0.traffic(isConnected: true) }
            + formerRecords.filter { isAlive($0.hello.pid) }.map { $0.traffic(isConnected: false) }
    }
}

extension DataPlaneRecord {
    fileprivate func traffic(isConnected: Bool) -> DataPlaneTraffic {
        DataPlaneTraffic(
            id: hello.id,
            isConnected: isConnected,
            version: heartbeat?.applied,
            inFlight: heartbeat?.workers == nil ? nil : byWorker(\.inFlight),
            totalInFlight: heartbeat?.inFlight ?? 0,
            breakers: byWorker(\.breaker),
            prefixBytes: byWorker(\.prefixBytes),
            learnedLimits: byWorker(\.learnedLimit)
        )
    }

    /// One thing of those that were said of workers, where it was said.
    private func byWorker<Value>(_ value: (WorkerTraffic) -> Value?) -> [IncarnationID: Value] {
        let told = (heartbeat?.workers ?? []).compactMap { worker in value(worker).map { (worker.incarnation, $0) } }
        return Dictionary(told) { first, _ in first }
    }
}
