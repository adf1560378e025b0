import Testing

@testable import DataPlaneCore

/// A worker that is not overloaded refuses nobody, whatever its requests and clients are like.
struct LearnedLimitSafetyTests {
    typealias Clients = OverloadedFleet.Clients

    /// Two workers with room for all, that have answered some short requests one after another.
    private func fleet(seed: UInt64) -> OverloadedFleet {
        var fleet = OverloadedFleet(runningMax: 256, seed: seed)
        #expect(fleet.refused([Clients(count: 2, lengths: [0.2])], seconds: 5) == 0)
        return fleet
    }

    @Test("Longer requests than before are not overload", arguments: [4, 40], [1.0, 2.5, 10])
    func longer(clients: Int, length: Double) {
        var fleet = fleet(seed: 1)
        #expect(fleet.refused([Clients(count: clients, lengths: [length])], seconds: 15) == 0)
        #expect(fleet.learned == [0, 0])
    }

    @Test("Nor are long ones among short ones", arguments: [4, 40])
    func mixed(clients: Int) {
        var fleet = fleet(seed: 2)
        #expect(fleet.refused([Clients(count: clients, lengths: [0.2, 0.2, 0.2, 5, 20])], seconds: 20) == 0)
    }

    @Test("Clients that leave an idle fleet take nothing from others", arguments: [1, 8, 40])
    func leavers(count: Int) {
        var fleet = fleet(seed: 3)
        #expect(fleet.refused([Clients(count: count, lengths: [20], patience: 700)], seconds: 5) == 0)
        #expect(fleet.refused([Clients(count: 40, lengths: [2.5])], seconds: 15) == 0)
    }

    @Test("Nor does one that leaves while others are answered", arguments: [[0.2], [2.5], [0.2, 1, 2.5]])
    func impatient(lengths: [Double]) {
        var fleet = fleet(seed: 4)
        let others = Clients(count: 20, lengths: lengths)
        #expect(fleet.refused([others], seconds: 5) == 0)
        #expect(fleet.refused([others, Clients(count: 1, lengths: [20], patience: 900)], seconds: 20) == 0)
    }

    @Test("Many that leave among requests of all lengths are taken for overload, but only for some seconds")
    func manyImpatient() {
        var fleet = fleet(seed: 4)
        let others = Clients(count: 20, lengths: [0.2, 1, 2.5])
        #expect(fleet.refused([others], seconds: 5) == 0)
        let refused = fleet.refused([others, Clients(count: 40, lengths: [20], patience: 900)], seconds: 20)
        #expect(refused < 100, "\(refused)")
        #expect(fleet.refused([others], seconds: 5) == 0)
    }

    @Test("A limit that overload has taught goes when the worker is no longer overloaded")
    func recovers() {
        var fleet = OverloadedFleet(runningMax: 4, seed: 5)
        fleet.warmUp()
        _ = fleet.goodput(load: 3, seconds: 20)
        #expect(fleet.learned.allSatisfy { $0 > 0 })
        fleet.runningMax = 256
        let clients = Clients(count: 40, lengths: [2.5])
        _ = fleet.refused([clients], seconds: 15)
        #expect(fleet.refused([clients], seconds: 10) == 0)
    }

    @Test("Nor does it outlast requests that become longer")
    func longerAfterOverload() {
        var fleet = OverloadedFleet(runningMax: 16, seed: 6)
        fleet.warmUp()
        _ = fleet.goodput(load: 3, seconds: 20)
        let clients = Clients(count: 30, lengths: [20])
        _ = fleet.refused([clients], seconds: 15)
        #expect(fleet.refused([clients], seconds: 10) == 0)
    }
}
