/// The numbers that policies understand, by the names of the specification's flags (section 2).
public enum PolicyParameter: String, Hashable, Sendable, CaseIterable {
    case cacheThreshold = "cache_threshold"
    case balanceAbsoluteThreshold = "balance_abs_threshold"
    case balanceRelativeThreshold = "balance_rel_threshold"
    case evictionIntervalSeconds = "eviction_interval_secs"
    /// Unicode scalars for each worker.
    case treeSizeMax = "max_tree_size"
    /// 1: a miss goes to the worker with the smallest tree, as in the first version of the original.
    case smallestTree = "smallest_tree"
    /// 1: of equally loaded workers the first gets a miss, as in sglang-router 0.3.2; else they take turns.
    case firstOfEquals = "first_of_equals"
    case bucketAdjustIntervalSeconds = "bucket_adjust_interval_secs"
    /// 0: random, 1: the fewest requests, 2: the fewest keys.
    case assignmentMode = "assignment_mode"
    case idleSecondsMax = "max_idle_secs"
    case loadFactor = "load_factor"
    /// Tokens that the cache of each worker holds, whatever it says itself; the default counts for those that say nothing.
    case cacheTokens = "cache_tokens"

    /// What it may be.
    public var range: ClosedRange<Double> {
        switch self {
        case .cacheThreshold: 0...1
        case .balanceAbsoluteThreshold: 0...1_000_000
        case .balanceRelativeThreshold: 1...1_000_000
        case .evictionIntervalSeconds: 1...86_400
        case .treeSizeMax: 1_024...1_073_741_824
        case .smallestTree, .firstOfEquals: 0...1
        case .bucketAdjustIntervalSeconds: 1...86_400
        case .assignmentMode: 0...2
        case .idleSecondsMax: 1...31_536_000
        case .loadFactor: 1...100
        case .cacheTokens: 1_000...1_000_000_000
        }
    }

    /// Whether only whole numbers make sense.
    public var isWhole: Bool {
        switch self {
        case .balanceAbsoluteThreshold, .treeSizeMax, .smallestTree, .firstOfEquals, .assignmentMode, .cacheTokens: true
        case .cacheThreshold, .balanceRelativeThreshold, .evictionIntervalSeconds, .bucketAdjustIntervalSeconds,
            .idleSecondsMax, .loadFactor:
            false
        }
    }
}

extension PolicyName {
    /// The parameters that the policy understands, with their defaults.
    public var parameters: [PolicyParameter: Double] {
        switch self {
        case .roundRobin, .random, .leastLoad, .powerOfTwo, .consistentHashing: [:]
        case .cacheAware:
            [
                .cacheThreshold: 0.3, .balanceAbsoluteThreshold: 64, .balanceRelativeThreshold: 1.5,
                .evictionIntervalSeconds: 60, .treeSizeMax: 16_777_216, .smallestTree: 0,
                .firstOfEquals: 0,
            ]
        case .bucket:
            [.balanceAbsoluteThreshold: 32_768, .balanceRelativeThreshold: 1.5, .bucketAdjustIntervalSeconds: 5]
        case .manual: [.assignmentMode: 0, .idleSecondsMax: 14_400]
        case .prefixHash: [.loadFactor: 1.25]
        case .kvCost: [.cacheTokens: 1_000_000]
        }
    }
}

extension PolicyConfiguration {
    /// The value that is in force: as given, else the policy's default.
    public func value(of parameter: PolicyParameter) -> Double {
        parameters[parameter.rawValue] ?? name.parameters[parameter] ?? 0
    }

    /// What is wrong with the parameters, by name, each as the end of a sentence; empty when nothing is.
    public var faults: [(parameter: String, message: String)] {
        parameters.sorted { $0.key < $1.key }.compactMap { key, value in
            guard let parameter = PolicyParameter(rawValue: key), name.parameters[parameter] != nil else {
                let known = name.parameters.keys.map(\.rawValue).sorted().joined(separator: ", ")
                let choices = known.isEmpty ? "it has none" : "it has \(known)"
                return (key, "the policy \(name.rawValue) has no such parameter; \(choices)")
            }
            let range = parameter.range
            guard range.contains(value), !parameter.isWhole || value == value.rounded() else {
                let kind = parameter.isWhole ? "a whole number" : "a number"
                return (key, "must be \(kind) from \(text(range.lowerBound)) to \(text(range.upperBound))")
            }
            return nil
        }
    }

    private func text(_ number: Double) -> String {
        number == number.rounded() ? String(Int(number)) : String(number)
    }
}
