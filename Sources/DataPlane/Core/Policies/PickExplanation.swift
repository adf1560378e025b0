import SignalboxProtocol

/// Why a worker was picked: what the policy saw of every candidate, as it saw it.
struct PickExplanation {
    /// Most candidates that are told; the picked one always is.
    static let candidatesMax = 16

    struct Candidate: Equatable {
        var id: WorkerID
        var isPicked: Bool
        /// Whether it had room, a closed breaker, and had not failed this request.
        var isAdmitted: Bool
        /// Tokens of the request that its cache holds, as far as the prefix index knows; nil for policies without one.
        var matchedTokens: Int?
        /// Prefill work that waits there, in tokens.
        var pendingTokens: Int
        var inFlight: Int
        /// What the request costs the fleet there, in seconds; nil for policies that compute none and for candidates that were
        /// not compared.
        var cost: Double?
    }

    let policy: PolicyName
    /// What decided the pick.
    let reason: MetricsLayout.PickReason
    /// Ready workers of the pool, told or not.
    let readyCount: Int
    let candidates: [Candidate]

    /// - Parameter facts: what the policy was given.
    init(
        _ pool: WorkerPool,
        of workers: [RoutedWorker],
        picked: Int,
        _ filter: WorkerFilter,
        _ facts: RoutingFacts
    ) {
        policy = pool.policy.name
        reason = facts.reason
        readyCount = pool.ready.count
        var costing: (KVCostPolicy, KVCostPolicy.Scale)?
        if case .kvCost(let policy) = pool.policy { costing = (policy, policy.scale(pool.ready, of: workers, filter)) }
        // Those that were compared come first.
        let drawn = facts.reason == .rendezvous ? facts.drawn : nil
        var first = [picked]
        for candidate in [drawn?.home.index, drawn?.second?.index] {
            if let candidate, candidate != picked { first.append(candidate) }
        }
        let others = pool.ready.lazy.filter { !first.contains($0) }.prefix(PickExplanation.candidatesMax - first.count)
        candidates = (first + others).map { index in
            let worker = workers[index]
            var candidate = Candidate(
                id: worker.id,
                isPicked: index == picked,
                isAdmitted: filter.admits(worker),
                pendingTokens: filter.loads.pendingTokens(slot: worker.lease.slot),
                inFlight: filter.loads.fleetInFlight(slot: worker.lease.slot)
            )
            if let (policy, scale) = costing {
                let blocks = worker.lane.map { facts.depths[$0] } ?? 0
                candidate.matchedTokens = Int(min(facts.tokens, facts.tokens(ofBlocks: blocks)))
                candidate.cost =
                    if let drawn {
                        [drawn.home, drawn.second].compactMap(\.self).first { $0.index == index }?.cost
                    } else {
                        policy.cost(worker, scale, filter, facts)
                    }
            }
            return candidate
        }
    }

    /// One line of JSON.
    ///
    /// - Parameter request: the request's name, without characters that JSON would escape; nil: it is not told.
    func text(version: SnapshotVersion?, request: String? = nil) -> String {
        var text = request.map { #"{"request":"\#($0)","# } ?? "{"
        text +=
            #""policy":"\#(policy.rawValue)","reason":"\#(reason.label)","snapshot":"\#(version?.description ?? "")","#
        text += #""ready":\#(readyCount),"candidates":["#
        for (position, candidate) in candidates.enumerated() {
            text += position == 0 ? "{" : ",{"
            text += #""id":"\#(candidate.id)","picked":\#(candidate.isPicked),"admitted":\#(candidate.isAdmitted),"#
            if let matched = candidate.matchedTokens { text += #""matched_tokens":\#(matched),"# }
            text += #""pending_tokens":\#(candidate.pendingTokens),"in_flight":\#(candidate.inFlight)"#
            if let cost = candidate.cost { text += #","cost_seconds":\#(PickExplanation.decimal(cost))"# }
            text += "}"
        }
        return text + "]}"
    }

    /// Six decimals, and no exponent.
    private static func decimal(_ value: Double) -> String {
        guard value.isFinite, value >= 0, value < 1e9 else { return "null" }
        let millionths = Int((value * 1e6).rounded())
        let fraction = String(millionths % 1_000_000)
        return "\(millionths / 1_000_000)." + String(repeating: "0", count: 6 - fraction.utf8.count) + fraction
    }
}
