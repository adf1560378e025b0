import SignalboxProtocol
import Testing

@testable import DataPlaneCore

/// By how much `least_load` with several data planes can miss the least loaded worker (docs/policies.md).
struct LeastLoadErrorTests {
    private static let delayMilliseconds = 10

    /// Four data planes that tell one another, each at its own time, and what each began and ended.
    private struct Planes {
        var planes: [ExchangingPlane] = []
        var generator = SplitMix64(seed: 17)
        let cursors = (0..<4).map { _ in PolicyCursor() }
        /// What is really in flight, by worker.
        var truth = [Int](repeating: 0, count: 6)
        /// Requests in flight, by data plane and worker.
        var running: [(plane: Int, worker: Int)] = []
        /// Requests that a data plane has begun and ended since the state that another one knows of.
        var unknown = [[Int]](repeating: [Int](repeating: 0, count: 4), count: 4)
        var underWay: [(at: Int, from: Int, to: Int, datagrams: [PeerExchange.Outgoing], events: Int)] = []

        init() throws {
            planes = try (1...4).map { try ExchangingPlane(UInt64($0), workers: Array(1...6)) }
        }

        mutating func exchange(at now: Int) {
            for from in 0..<4 where now % PeerExchange.intervalMilliseconds == from * 12 {
                let others = (0..<4).filter { $0 != from }
                let datagrams = planes[from].tell(others.map { planes[$0] }, at: now)
                for to in others {
                    let at = now + LeastLoadErrorTests.delayMilliseconds
                    underWay.append((at, from, to, datagrams, unknown[to][from]))
                }
            }
            for arrived in underWay where arrived.at == now {
                planes[arrived.to].hear(arrived.datagrams, at: now)
                unknown[arrived.to][arrived.from] -= arrived.events
            }
            underWay.removeAll { $0.at <= now }
        }

        mutating func noteEvent(of plane: Int) {
            for other in 0..<4 where other != plane { unknown[other][plane] += 1 }
        }

        /// Begins a request at a random data plane.
        ///
        /// - Returns: how many more the picked worker had than the least loaded one, and how many events of the others the data
        ///   plane did not know of.
        mutating func begin(at now: Int) throws -> (error: Int, unknown: Int) {
            let number = Int.random(in: 0..<4, using: &generator)
            let plane = planes[number]
            let filter = WorkerFilter(loads: plane.shared.loads, now: MonotonicTime(milliseconds: now), tried: [])
            let picked = LeastLoadPolicy.pick(
                from: Array(0..<6),
                of: plane.table.workers,
                filter,
                cursor: cursors[number]
            )
            let worker = try #require(picked)
            let result = (truth[worker] - (truth.min() ?? 0), unknown[number].reduce(0, +))
            truth[worker] += 1
            plane.shared.loads.increment(slot: plane.slot(worker))
            running.append((number, worker))
            noteEvent(of: number)
            return result
        }

        mutating func end() {
            guard let index = running.indices.randomElement(using: &generator) else { return }
            let (plane, worker) = running.remove(at: index)
            truth[worker] -= 1
            planes[plane].shared.loads.decrement(slot: planes[plane].slot(worker))
            noteEvent(of: plane)
        }
    }

    @Test(
        "A pick is wrong by no more than what the others began and ended within an interval and the way",
        arguments: [1, 4]
    )
    func bound(requestsPerMillisecond: Int) throws {
        var fleet = try Planes()
        var errors: [Int] = []
        for now in 1...2_000 {
            fleet.exchange(at: now)
            for _ in 0..<requestsPerMillisecond {
                let (error, unknown) = try fleet.begin(at: now)
                #expect(error <= unknown, "at \(now) ms")
                errors.append(error)
                // From half a second on as many end as begin.
                if now > 500 { fleet.end() }
            }
        }
        let mean = Double(errors.reduce(0, +)) / Double(errors.count)
        // Others begin and end 2 x 3/4 of all requests in 60 ms; they are spread over six workers, and most errors cancel out.
        let events =
            2 * 0.75 * Double(requestsPerMillisecond * (PeerExchange.intervalMilliseconds + Self.delayMilliseconds))
        #expect(Double(errors.max() ?? 0) <= events / 2, "\(errors.max() ?? 0) of \(events)")
        #expect(mean <= events / 6, "\(mean) of \(events)")
        #expect(mean > 0, "nobody was ever wrong: the test sees nothing")
    }

    @Test("When nothing has begun or ended for an interval, nobody is wrong")
    func quiet() throws {
        var fleet = try Planes()
        for now in 1...500 {
            fleet.exchange(at: now)
            // A request every 70 ms: what it changed is known everywhere before the next one.
            guard now % 70 == 0 else { continue }
            #expect(try fleet.begin(at: now).error == 0)
        }
    }
}
