import Testing

@testable import DataPlaneCore

struct LearnedLimitGoodputTests {
    private func mean(runningMax: Int, load: Double, seconds: Int, seeds: Int = 6) -> Double {
        let shares = (1...seeds).map { seed in
            var fleet = OverloadedFleet(runningMax: runningMax, seed: UInt64(seed))
            fleet.warmUp()
            return fleet.goodput(load: load, seconds: seconds)
        }
        return shares.reduce(0, +) / Double(shares.count)
    }

    @Test(
        "Workers of which no limit is known give most of their capacity in the seconds of overload that teach it",
        arguments: [(1.0, 0.95), (1.5, 0.84), (2.0, 0.83), (3.0, 0.82), (6.0, 0.62)]
    )
    func first(load: Double, least: Double) {
        let share = mean(runningMax: 4, load: load, seconds: 8)
        #expect(share >= least, "\(share)")
    }

    @Test(
        "And nearly all of it when those seconds count little, for as long as it lasts",
        arguments: [(1.5, 40, 0.94), (3.0, 40, 0.94), (1.5, 240, 0.97), (3.0, 240, 0.97)]
    )
    func settled(load: Double, seconds: Int, least: Double) {
        let share = mean(runningMax: 4, load: load, seconds: seconds, seeds: seconds > 100 ? 1 : 6)
        #expect(share >= least, "\(share)")
    }

    @Test("Large workers are known as soon", arguments: [1.5, 3.0])
    func large(load: Double) {
        let share = mean(runningMax: 16, load: load, seconds: 12)
        #expect(share >= 0.78, "\(share)")
    }
}
