import Synchronization
import Testing

@testable import ControlPlane

@Suite("The concurrency limit", .timeLimit(.minutes(1)))
struct ConcurrencyLimitTests {
    /// How many callers run, have run at most at a time, and have ended.
    private final class Tally: Sendable {
        private let counts = Mutex((now: 0, most: 0, total: 0))

        func begin() {
            counts.withLock { counts in
                counts.now += 1
                counts.most = max(counts.most, counts.now)
            }
        }

        func end() {
            counts.withLock { counts in
                counts.now -= 1
                counts.total += 1
            }
        }

        var most: Int { counts.withLock { $0.most } }
        var total: Int { counts.withLock { $0.total } }
    }

    @Test("lets all callers run, never more than allowed at a time")
    func limit() async {
        let limit = ConcurrencyLimit(3)
        let tally = Tally()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    await limit.run {
                        tally.begin()
                        await Task.yield()
                        tally.end()
                    }
                }
            }
        }
        #expect(tally.total == 50)
        #expect(tally.most <= 3)
    }
}
