import FoundationEssentials

/// Reads what a worker says of itself on `/get_server_info`.
public enum ServerInfoAnswer {
    /// Larger numbers are no limit.
    static let runningRequestsMaxMax = 1_000_000

    /// How many requests the worker runs at one time: what its ranks have found out for themselves, else what it was
    /// started with; nil when it says neither.
    public static func runningRequestsMax(_ body: [UInt8]) -> Int? {
        guard let info = try? JSONDecoder().decode(Info.self, from: Data(body)) else { return nil }
        let ranks = (info.internalStates ?? []).compactMap(\.effective)
        let sum =
            ranks.isEmpty
            ? nil : ranks.reduce(0) { min($0 + min(max($1, 0), runningRequestsMaxMax), runningRequestsMaxMax) }
        guard let found = sum ?? info.given, (1..<runningRequestsMaxMax).contains(found) else { return nil }
        return found
    }

    private struct Info: Decodable {
        var given: Int?
        var internalStates: [State]?

        enum CodingKeys: String, CodingKey {
            case given = "max_running_requests"
            case internalStates = "internal_states"
        }
    }

    private struct State: Decodable {
        var effective: Int?

        enum CodingKeys: String, CodingKey {
            case effective = "effective_max_running_requests_per_dp"
        }
    }
}
