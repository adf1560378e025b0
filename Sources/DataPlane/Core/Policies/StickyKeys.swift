import Synchronization

/// Which worker a key was given to, for as long as the key is used; shared by the threads, bounded in number.
final class StickyKeys: Sendable {
    /// Most keys; a new one then takes the place of the one that was used least recently among a few.
    static let keysMax = 100_000
    /// Keys that are looked at when one must go.
    private static let sample = 16

    private struct Assignment: Sendable {
        var token: UInt64
        var usedAt: Int
    }

    private let assignments = Mutex<[UInt64: Assignment]>([:])

    /// The worker of a key; nil when it has none, or was not used for `idleMilliseconds`.
    func worker(of key: UInt64, idleMilliseconds: Int, at now: MonotonicTime) -> UInt64? {
        assignments.withLock { assignments in
            guard let found = assignments[key] else { return nil }
            guard now.milliseconds - found.usedAt <= idleMilliseconds else {
                assignments[key] = nil
                return nil
            }
            assignments[key]?.usedAt = now.milliseconds
            return found.token
        }
    }

    func assign(_ key: UInt64, to token: UInt64, at now: MonotonicTime) {
        assignments.withLock { assignments in
            if assignments[key] == nil, assignments.count >= StickyKeys.keysMax {
                let oldest = assignments.prefix(StickyKeys.sample).min { $0.value.usedAt < $1.value.usedAt }
                if let oldest { assignments[oldest.key] = nil }
            }
            assignments[key] = Assignment(token: token, usedAt: now.milliseconds)
        }
    }

    /// Keys of each worker, for the fewest.
    func countsByWorker() -> [UInt64: Int] {
        assignments.withLock { assignments in
            var counts: [UInt64: Int] = [:]
            for assignment in assignments.values { counts[assignment.token, default: 0] += 1 }
            return counts
        }
    }

    var count: Int { assignments.withLock { $0.count } }
}
