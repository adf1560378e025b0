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
            inFlight: heartbeat?.workers.map { workers in
                Dictionary(workers.map { ($0.incarnation, $0.inFlight) }) { first, _ in first }
            },
            totalInFlight: heartbeat?.inFlight ?? 0,
            breakers: Dictionary(
                (heartbeat?.workers ?? []).compactMap { worker in worker.breaker.map { (worker.incarnation, $0) } }
            ) { first, _ in first },
            prefixBytes: Dictionary(
                (heartbeat?.workers ?? []).compactMap { worker in worker.prefixBytes.map { (worker.incarnation, $0) } }
            ) { first, _ in first }
        )
    }
}
