import SignalboxProtocol

/// Which of the ready workers may take one request now.
struct WorkerFilter {
    let loads: WorkerLoads
    let now: MonotonicTime
    /// The leases of workers that failed this request already.
    let tried: [UInt64]

    /// Whether the worker has room, its breaker lets requests through, and it did not fail this one.
    @inline(__always)
    func admits(_ worker: RoutedWorker) -> Bool {
        let slot = worker.lease.slot
        guard loads.gate(slot: slot).admits(at: now), loads.inFlight(slot: slot) < room(of: worker) else {
            return false
        }
        return tried.isEmpty || !tried.contains(worker.lease.token)
    }

    /// Most requests of this data plane that may be in flight at the worker: what the others leave of a limit that is set or
    /// told, or what its latency bears.
    @inline(__always)
    func room(of worker: RoutedWorker) -> Int {
        if let requestsMax = worker.requestsMax {
            return max(0, requestsMax - loads.peersInFlight(slot: worker.lease.slot))
        }
        let learned = loads.learnedMax(slot: worker.lease.slot)
        return learned == 0 ? Int.max : learned
    }

    /// About how many requests the worker runs at one time: a learned limit has a queue within the worker in it already.
    func running(_ worker: RoutedWorker) -> Int {
        if let requestsMax = worker.requestsMax { return requestsMax }
        let room = room(of: worker)
        guard room < Int.max else { return room }
        return max(1, room / Int(ConcurrencyEstimator.tolerance))
    }
}
