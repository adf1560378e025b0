import Synchronization

/// Which workers a key was given to, for as long as the key is used; shared by the threads, bounded in number.
///
/// Keys hang in the order of their last use, so that the one to forget is found at once, and the keys of each worker are
/// counted as they move: nothing here takes longer with more keys, but for the end of a worker.
final class StickyKeys: Sendable {
    /// Most keys; a new one then takes the place of the one that was used least recently.
    static let keysMax = 100_000
    /// Idle keys that one call forgets at most, so that no request pays for a whole quiet night.
    private static let sweepMax = 16

    /// The worker of a key, and the one that stands in while the first takes no request (specification section 3.5).
    struct Candidates: Sendable, Equatable {
        var first: UInt64
        var second: UInt64?
    }

    private let state = Mutex(State())

    /// The workers of a key; nil when it has none, or was not used for `idleMilliseconds`.
    func workers(of key: UInt64, idleMilliseconds: Int, at now: MonotonicTime) -> Candidates? {
        state.withLock { state in
            state.sweep(before: now.milliseconds - idleMilliseconds, atMost: StickyKeys.sweepMax)
            guard let place = state.places[key] else { return nil }
            guard now.milliseconds - state.entries[place].usedAt <= idleMilliseconds else {
                state.remove(place)
                return nil
            }
            state.touch(place, at: now.milliseconds)
            return state.entries[place].candidates
        }
    }

    /// The key went to a worker: a third one takes the place of the older of two.
    func assign(_ key: UInt64, to token: UInt64, at now: MonotonicTime) {
        state.withLock { state in
            guard let place = state.places[key] else {
                if state.entries.count >= StickyKeys.keysMax { state.remove(state.oldest) }
                state.insert(key, token, at: now.milliseconds)
                return
            }
            state.touch(place, at: now.milliseconds)
            state.move(place, to: token)
        }
    }

    /// Calls `body` with the number of keys that are at each worker; workers without one are missing.
    func withCounts<Result>(
        idleMilliseconds: Int,
        at now: MonotonicTime,
        _ body: ([UInt64: Int]) -> Result
    ) -> Result {
        state.withLock { state in
            state.sweep(before: now.milliseconds - idleMilliseconds, atMost: StickyKeys.sweepMax)
            return body(state.counts)
        }
    }

    /// Forgets a worker that is gone, and the keys that have no other.
    func forget(_ token: UInt64) {
        state.withLock { $0.forget(token) }
    }

    var count: Int { state.withLock { $0.entries.count } }
}

extension StickyKeys {
    /// Keys in an array without gaps, linked in the order of their last use.
    private struct State: Sendable {
        struct Entry: Sendable {
            let key: UInt64
            var candidates: Candidates
            /// The one of the candidates that had the key's last request.
            var current: UInt64
            var usedAt: Int
            /// Neighbours in the order of use; -1 at the ends.
            var older: Int
            var newer: Int
        }

        private(set) var entries: [Entry] = []
        private(set) var places: [UInt64: Int] = [:]
        private(set) var counts: [UInt64: Int] = [:]
        private(set) var oldest = -1
        private var newest = -1

        mutating func insert(_ key: UInt64, _ token: UInt64, at now: Int) {
            let place = entries.count
            let candidates = Candidates(first: token)
            entries.append(Entry(key: key, candidates: candidates, current: token, usedAt: now, older: -1, newer: -1))
            places[key] = place
            counts[token, default: 0] += 1
            linkAsNewest(place)
        }

        mutating func touch(_ place: Int, at now: Int) {
            entries[place].usedAt = now
            guard place != newest else { return }
            unlink(place)
            linkAsNewest(place)
        }

        mutating func move(_ place: Int, to token: UInt64) {
            let known = entries[place].candidates
            if token != known.first, token != known.second {
                entries[place].candidates = Candidates(first: known.second ?? known.first, second: token)
            }
            count(place, at: token)
        }

        mutating func remove(_ place: Int) {
            unlink(place)
            discount(entries[place].current)
            places[entries[place].key] = nil
            let last = entries.count - 1
            if place != last {
                let moved = entries[last]
                entries[place] = moved
                places[moved.key] = place
                if moved.older >= 0 { entries[moved.older].newer = place } else { oldest = place }
                if moved.newer >= 0 { entries[moved.newer].older = place } else { newest = place }
            }
            entries.removeLast()
        }

        /// Forgets keys that were last used before a time, the oldest first.
        mutating func sweep(before limit: Int, atMost count: Int) {
            for _ in 0..<count {
                guard oldest >= 0, entries[oldest].usedAt < limit else { return }
                remove(oldest)
            }
        }

        mutating func forget(_ token: UInt64) {
            // From the end: what takes the place of a removed one was looked at already.
            for place in entries.indices.reversed() {
                let known = entries[place].candidates
                guard known.first == token || known.second == token else { continue }
                guard let other = known.first == token ? known.second : known.first else {
                    remove(place)
                    continue
                }
                entries[place].candidates = Candidates(first: other)
                count(place, at: other)
            }
        }

        private mutating func count(_ place: Int, at token: UInt64) {
            let current = entries[place].current
            guard token != current else { return }
            discount(current)
            counts[token, default: 0] += 1
            entries[place].current = token
        }

        private mutating func discount(_ token: UInt64) {
            let left = counts[token, default: 0] - 1
            counts[token] = left > 0 ? left : nil
        }

        private mutating func unlink(_ place: Int) {
            let (older, newer) = (entries[place].older, entries[place].newer)
            if older >= 0 { entries[older].newer = newer } else { oldest = newer }
            if newer >= 0 { entries[newer].older = older } else { newest = older }
        }

        private mutating func linkAsNewest(_ place: Int) {
            entries[place].older = newest
            entries[place].newer = -1
            if newest >= 0 { entries[newest].newer = place } else { oldest = place }
            newest = place
        }
    }
}
