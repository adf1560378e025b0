import Testing

@testable import DataPlaneCore

struct StickyKeysTests {
    private static let idle = 1_000

    private func time(_ milliseconds: Int) -> MonotonicTime { MonotonicTime(milliseconds: milliseconds) }

    private func counts(_ keys: StickyKeys, at now: Int) -> [UInt64: Int] {
        keys.withCounts(idleMilliseconds: Self.idle, at: time(now)) { $0 }
    }

    @Test("A key counts where it is, also at the worker that stands in")
    func current() {
        let keys = StickyKeys()
        keys.assign(1, to: 10, at: time(0))
        keys.assign(1, to: 11, at: time(0))
        #expect(counts(keys, at: 0) == [11: 1])
        #expect(
            keys.workers(of: 1, idleMilliseconds: Self.idle, at: time(0))
                == StickyKeys.Candidates(first: 10, second: 11)
        )
        keys.assign(1, to: 10, at: time(0))
        #expect(counts(keys, at: 0) == [10: 1])
        keys.assign(1, to: 12, at: time(0))
        #expect(
            keys.workers(of: 1, idleMilliseconds: Self.idle, at: time(0))
                == StickyKeys.Candidates(first: 11, second: 12)
        )
    }

    @Test("A worker that is gone is no candidate any more, and the stand-in is the first")
    func forget() {
        let keys = StickyKeys()
        for key in 0..<10 { keys.assign(UInt64(key), to: 10, at: time(0)) }
        for key in 0..<4 { keys.assign(UInt64(key), to: 11, at: time(0)) }
        keys.forget(10)
        #expect(keys.count == 4 && counts(keys, at: 0) == [11: 4])
        #expect(keys.workers(of: 1, idleMilliseconds: Self.idle, at: time(0)) == StickyKeys.Candidates(first: 11))
        #expect(keys.workers(of: 7, idleMilliseconds: Self.idle, at: time(0)) == nil)
        keys.forget(11)
        #expect(keys.count == 0 && counts(keys, at: 0).isEmpty)
    }

    @Test("Idle keys go by themselves while others are used")
    func sweep() {
        let keys = StickyKeys()
        for key in 0..<100 { keys.assign(UInt64(key), to: 10, at: time(0)) }
        keys.assign(100, to: 11, at: time(900))
        for _ in 0..<7 { _ = keys.workers(of: 100, idleMilliseconds: Self.idle, at: time(1_001)) }
        #expect(keys.count == 1 && counts(keys, at: 1_001) == [11: 1])
    }

    @Test("A new key takes the place of the one that was used least recently")
    func bound() {
        let keys = StickyKeys()
        for key in 0..<StickyKeys.keysMax { keys.assign(UInt64(key), to: 10, at: time(key / 1_000)) }
        keys.assign(0, to: 10, at: time(100))
        keys.assign(1 << 40, to: 11, at: time(100))
        #expect(keys.count == StickyKeys.keysMax)
        #expect(keys.workers(of: 1, idleMilliseconds: Self.idle, at: time(100)) == nil)
        #expect(keys.workers(of: 0, idleMilliseconds: Self.idle, at: time(100)) != nil)
    }

    @Test("The same as a naive model, on random courses", arguments: [1, 2, 3] as [UInt64])
    func model(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let keys = StickyKeys()
        var model: [UInt64: (first: UInt64, second: UInt64?, current: UInt64, usedAt: Int)] = [:]
        var now = 0
        for _ in 0..<4_000 {
            now += Int.random(in: 0...20, using: &random)
            // Twelve keys: a sweep takes all that are idle.
            model = model.filter { now - $0.value.usedAt <= Self.idle }
            _ = counts(keys, at: now)
            let key = UInt64.random(in: 0..<12, using: &random)
            let token = UInt64.random(in: 100..<104, using: &random)
            switch Int.random(in: 0..<40, using: &random) {
            case 0:
                keys.forget(token)
                for (key, entry) in model where entry.first == token || entry.second == token {
                    let other = entry.first == token ? entry.second : entry.first
                    model[key] = other.map { ($0, nil, $0, entry.usedAt) }
                }
            case 1..<10:
                model[key]?.usedAt = now
                let found = keys.workers(of: key, idleMilliseconds: Self.idle, at: time(now))
                #expect(found == model[key].map { StickyKeys.Candidates(first: $0.first, second: $0.second) })
            case 10: now += 400
            default:
                keys.assign(key, to: token, at: time(now))
                var entry = model[key] ?? (token, nil, token, now)
                if token != entry.first && token != entry.second {
                    (entry.first, entry.second) = (entry.second ?? entry.first, token)
                }
                entry.current = token
                entry.usedAt = now
                model[key] = entry
            }
            let expected = Dictionary(model.values.map { ($0.current, 1) }, uniquingKeysWith: +)
            let valid = model.values.allSatisfy { now - $0.usedAt <= Self.idle }
            if valid { #expect(counts(keys, at: now) == expected && keys.count == model.count) }
        }
    }
}
