import Synchronization

/// Which workers a key was given to, for as long as the key is used; shared by the threads, bounded in number.
final class StickyKeys: Sendable {
    /// Most keys; a new one then takes the place of the one that was used least recently among a few.
    static let keysMax = 100_000
    /// Keys that are looked at when one must go.
    private static let sample = 16

    /// The worker of a key, and the one that stands in while the first takes no request (specification section 3.5).
    struct Candidates: Sendable, Equatable {
        var first: UInt64
        var second: UInt64?
    }

    private struct Assignment: Sendable {
        var candidates: Candidates
        var usedAt: Int
    }

    private let assignments = Mutex<[UInt64: Assignment]>([:])

    /// The workers of a key; nil when it has none, or was not used for `idleMilliseconds`.
    func workers(of key: UInt64, idleMilliseconds: Int, at now: MonotonicTime) -> Candidates? {
        assignments.withLock { assignments in
            guard let found = assignments[key] else { return nil }
            guard now.milliseconds - found.usedAt <= idleMilliseconds else {
                assignments[key] = nil
                return nil
            }
            assignments[key]?.usedAt = now.milliseconds
            return found.candidates
        }
    }

    /// The key went to a worker: a third one takes the place of the older of two.
    func assign(_ key: UInt64, to token: UInt64, at now: MonotonicTime) {
        assignments.withLock { assignments in
            if let known = assignments[key]?.candidates {
                assignments[key]?.usedAt = now.milliseconds
                guard token != known.first, token != known.second else { return }
                let candidates = Candidates(first: known.second ?? known.first, second: token)
                assignments[key]?.candidates = candidates
                return
            }
            if assignments.count >= StickyKeys.keysMax {
                let oldest = assignments.prefix(StickyKeys.sample).min { $0.value.usedAt < $1.value.usedAt }
                if let oldest { assignments[oldest.key] = nil }
            }
            assignments[key] = Assignment(candidates: Candidates(first: token), usedAt: now.milliseconds)
        }
    }

    /// Keys of each worker, for the fewest.
    func countsByWorker() -> [UInt64: Int] {
        assignments.withLock { assignments in
            var counts: [UInt64: Int] = [:]
            for assignment in assignments.values { counts[assignment.candidates.first, default: 0] += 1 }
            return counts
        }
    }

    var count: Int { assignments.withLock { $0.count } }
}
