import ArgumentParser
import SignalboxProtocol

/// The flags about routing policies, with the names of the original. They are stored, like `PUT /policies/default`.
struct PolicyOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Routing policy (default: as stored, at first kv_cost): \(PolicyOptions.names).",
            valueName: "policy"
        )
    )
    var policy: String?

    @Option(name: .long, help: "cache_aware: a match must be more than this share of the text (0.3).")
    var cacheThreshold: Double?

    @Option(
        name: .long,
        help: "cache_aware, bucket: loads differ by more than this and by --balance-rel-threshold (64)."
    )
    var balanceAbsThreshold: Double?

    @Option(name: .long, help: "cache_aware, bucket: the largest load is more than this many times the smallest (1.5).")
    var balanceRelThreshold: Double?

    @Option(
        name: [.long, .customLong("eviction-interval")],
        help: "cache_aware: seconds between two clearings of the tree (60)."
    )
    var evictionIntervalSecs: Double?

    @Option(name: .long, help: "cache_aware: characters that are kept for each worker (16777216).")
    var maxTreeSize: Double?

    @Option(name: .long, help: "bucket: seconds between two cuts of the lengths (5).")
    var bucketAdjustIntervalSecs: Double?

    @Option(name: .long, help: "manual: how a new key gets its worker: random, min_load or min_group (random).")
    var assignmentMode: AssignmentMode?

    @Option(name: .long, help: "manual: seconds after which an unused key is forgotten (14400).")
    var maxIdleSecs: Double?

    enum AssignmentMode: String, ExpressibleByArgument, CaseIterable {
        case random
        case fewestRequests = "min_load"
        case fewestKeys = "min_group"

        var number: Double {
            switch self {
            case .random: 0
            case .fewestRequests: 1
            case .fewestKeys: 2
            }
        }
    }

    private static var names: String { PolicyName.allCases.map(\.rawValue).joined(separator: ", ") }

    /// The parameters that were given.
    var parameters: [PolicyParameter: Double] {
        let given: [(PolicyParameter, Double?)] = [
            (.cacheThreshold, cacheThreshold), (.balanceAbsoluteThreshold, balanceAbsThreshold),
            (.balanceRelativeThreshold, balanceRelThreshold), (.evictionIntervalSeconds, evictionIntervalSecs),
            (.treeSizeMax, maxTreeSize), (.bucketAdjustIntervalSeconds, bucketAdjustIntervalSecs),
            (.assignmentMode, assignmentMode?.number), (.idleSecondsMax, maxIdleSecs),
        ]
        return Dictionary(uniqueKeysWithValues: given.compactMap { parameter, value in value.map { (parameter, $0) } })
    }

    /// The flags in a form that reads back to equal options.
    var arguments: [String] {
        let given: [(String, String?)] = [
            ("--policy", policy), ("--cache-threshold", cacheThreshold?.description),
            ("--balance-abs-threshold", balanceAbsThreshold?.description),
            ("--balance-rel-threshold", balanceRelThreshold?.description),
            ("--eviction-interval-secs", evictionIntervalSecs?.description),
            ("--max-tree-size", maxTreeSize?.description),
            ("--bucket-adjust-interval-secs", bucketAdjustIntervalSecs?.description),
            ("--assignment-mode", assignmentMode?.rawValue), ("--max-idle-secs", maxIdleSecs?.description),
        ]
        return given.flatMap { flag, value in value.map { [flag, $0] } ?? [] }
    }
}
