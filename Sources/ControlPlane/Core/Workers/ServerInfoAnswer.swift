import FoundationEssentials
import SignalboxProtocol

/// Reads what a worker says of itself on `/get_server_info`.
public enum ServerInfoAnswer {
    /// Larger numbers are no limit.
    static let runningRequestsMaxMax = 1_000_000

    public static func capacity(_ body: [UInt8]) -> ToldCapacity {
        guard let info = try? JSONDecoder().decode(Info.self, from: Data(body)) else { return ToldCapacity() }
        return ToldCapacity(runningRequestsMax: runningRequestsMax(info), cacheTokens: cacheTokens(info))
    }

    /// What the worker's ranks have found out for themselves, else what it was started with.
    private static func runningRequestsMax(_ info: Info) -> Int? {
        let ranks = (info.internalStates ?? []).compactMap(\.effective)
        let sum =
            ranks.isEmpty
            ? nil : ranks.reduce(0) { min($0 + min(max($1, 0), runningRequestsMaxMax), runningRequestsMaxMax) }
        guard let found = sum ?? info.given, (1..<runningRequestsMaxMax).contains(found) else { return nil }
        return found
    }

    /// The pool of each rank is as large as the first one's, which is told. A hierarchical cache keeps so many times that in
    /// the host's memory, unless its size was given in bytes.
    private static func cacheTokens(_ info: Info) -> Int? {
        guard let pool = info.poolTokens, pool > 0 else { return nil }
        let ranks = Double(max(1, info.internalStates?.count ?? 1))
        let hasHostPool = info.isHierarchical == true && (info.hostPoolGigabytes ?? 0) == 0
        let pools = hasHostPool ? 1 + max(0, info.hostPoolRatio ?? 0) : 1
        let range = PolicyParameter.cacheTokens.range
        return Int(min(max(range.lowerBound, Double(pool) * ranks * pools), range.upperBound))
    }

    private struct Info: Decodable {
        var given: Int?
        var poolTokens: Int?
        var isHierarchical: Bool?
        var hostPoolRatio: Double?
        var hostPoolGigabytes: Double?
        var internalStates: [State]?

        enum CodingKeys: String, CodingKey {
            case given = "max_running_requests"
            case poolTokens = "max_total_num_tokens"
            case isHierarchical = "enable_hierarchical_cache"
            case hostPoolRatio = "hicache_ratio"
            case hostPoolGigabytes = "hicache_size"
            case internalStates = "internal_states"
        }

        /// One field of an unexpected kind says nothing of the others.
        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            given = try? fields.decode(Int.self, forKey: .given)
            poolTokens = try? fields.decode(Int.self, forKey: .poolTokens)
            isHierarchical = try? fields.decode(Bool.self, forKey: .isHierarchical)
            hostPoolRatio = try? fields.decode(Double.self, forKey: .hostPoolRatio)
            hostPoolGigabytes = try? fields.decode(Double.self, forKey: .hostPoolGigabytes)
            internalStates = try? fields.decode([State].self, forKey: .internalStates)
        }
    }

    private struct State: Decodable {
        var effective: Int?

        enum CodingKeys: String, CodingKey {
            case effective = "effective_max_running_requests_per_dp"
        }

        init(from decoder: any Decoder) throws {
            effective = try? decoder.container(keyedBy: CodingKeys.self).decode(Int.self, forKey: .effective)
        }
    }
}
