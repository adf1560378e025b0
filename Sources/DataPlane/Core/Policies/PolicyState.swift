public import SignalboxProtocol

/// Whether a policy has what it picks by, and what it falls back to where it has not.
///
/// No policy falls to a random pick: each rung is the next best that is known (docs/policies.md).
struct PolicyState: Equatable {
    /// What is missing and what is done instead; nil: nothing is missing.
    var reason: String?

    /// - Parameter silentPeers: other data planes that exist and are not heard.
    init(
        _ pool: WorkerPool,
        of workers: [RoutedWorker],
        _ loads: WorkerLoads,
        silentPeers: Int,
        at now: MonotonicTime
    ) {
        let count = pool.ready.count
        switch pool.policy {
        case .powerOfTwo:
            let told = pool.ready.count { loads.isTold(slot: workers[$0].lease.slot, at: now) }
            if told < count {
                reason =
                    "\(count - told) of \(count) ready workers tell no load on /get_load: requests in flight are compared"
                    + " instead."
                return
            }
        case .kvCost:
            let unknown = pool.ready.count { workers[$0].lane == nil }
            if unknown > 0 {
                reason =
                    "\(unknown) of \(count) ready workers have no place in the prefix index, which has \(LaneSet.lanesMax):"
                    + " they are judged by their waiting work alone."
                return
            }
            if loads.unheardFactor > 1 {
                reason =
                    "\(silentPeers) other data planes are not heard: a text goes to one of two workers by what its beginning has of"
                    + " its own, as theirs do, and loads count \(loads.unheardFactor) times."
                return
            }
        case .leastLoad, .cacheAware, .prefixHash: break
        case .manual(let policy):
            let others = loads.peersHeard + silentPeers
            guard policy.assignment != .random, others > 0 else { return }
            reason =
                "\(others) other data plane\(others == 1 ? "" : "s") may give a new key another worker: only assignment_mode 0 (random)"
                + " draws the same on all of them."
            return
        case .random, .roundRobin, .consistentHashing, .bucket: return
        }
        guard silentPeers > 0 else { return }
        reason =
            "\(silentPeers) other data planes are not heard: what they have at the workers is not counted, and what they"
            + " route is not known."
    }
}

extension RoutingTable {
    /// The states of the policies of all models, degraded ones first, at most ``PolicyReport/reportsMax``.
    public func policyReports(_ shared: SharedState, silentPeers: Int, at now: MonotonicTime) -> [PolicyReport] {
        func report(_ model: String?, _ pool: WorkerPool) -> PolicyReport {
            let state = PolicyState(pool, of: workers, shared.loads, silentPeers: silentPeers, at: now)
            return PolicyReport(
                model: model,
                policy: pool.policy.name,
                state: state.reason == nil ? .ok : .degraded,
                reason: state.reason
            )
        }
        guard version != nil else { return [] }
        var reports = [report(nil, pools[0])]
        reports += poolOfModel.map { report(String(decoding: $0.key, as: UTF8.self), pools[$0.value]) }
        reports.sort { one, other in
            if one.state != other.state { return one.state == .degraded }
            return (one.model ?? "") < (other.model ?? "")
        }
        return Array(reports.prefix(PolicyReport.reportsMax))
    }
}
