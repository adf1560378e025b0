import SignalboxProtocol
import Synchronization

/// A routing policy, compiled into the table: a pick allocates nothing and calls no existential.
public enum Policy: Sendable {
    case roundRobin(PolicyCursor)
    case random
    case leastLoad(PolicyCursor)

    init(_ configuration: PolicyConfiguration, cursor: PolicyCursor) {
        self =
            switch configuration.name {
            case .roundRobin: .roundRobin(cursor)
            case .random: .random
            case .leastLoad: .leastLoad(cursor)
            }
    }

    /// Picks one of the ready workers of a pool.
    ///
    /// - Returns: an index into the table's workers, or nil when the filter admits none.
    func pick(
        from ready: [Int],
        of workers: [RoutedWorker],
        _ filter: WorkerFilter,
        using generator: inout some RandomNumberGenerator
    ) -> Int? {
        guard !ready.isEmpty else { return nil }
        return switch self {
        case .roundRobin(let cursor): RoundRobinPolicy.pick(from: ready, of: workers, filter, cursor: cursor)
        case .random: RandomPolicy.pick(from: ready, of: workers, filter, using: &generator)
        case .leastLoad(let cursor): LeastLoadPolicy.pick(from: ready, of: workers, filter, cursor: cursor)
        }
    }
}

/// Where a policy that goes round stands; shared by all threads and kept from table to table.
public final class PolicyCursor: Sendable {
    private let value = Atomic<UInt64>(0)

    public init() {}

    /// The current position; the next caller gets the next one.
    func advance() -> UInt64 {
        value.wrappingAdd(1, ordering: .relaxed).oldValue
    }
}
