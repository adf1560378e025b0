import SignalboxProtocol
import Testing

@testable import ControlPlaneCore

@Suite("Whether the observer fails and not the workers")
struct ObserverSuspicionTests {
    private let settings = ProbeSettings(failureThreshold: 1)

    /// Workers that were ready: each became silent, or unhealthy in another way, at its moment; nil is still ready.
    private func fleet(_ moments: [Int64?], outcome: ProbeOutcome = .silence(reason: "")) -> [IncarnationID: ProbeState]
    {
        var generator = SystemRandomNumberGenerator()
        let states = moments.map { moment in
            var state = ProbeState(.probed, settings: settings, at: 0)
            if let moment { _ = state.probed(outcome, at: moment) }
            return (IncarnationID.random(using: &generator), state)
        }
        return Dictionary(uniqueKeysWithValues: states)
    }

    @Test("More than the share that falls silent within the window is suspicious")
    func silence() {
        #expect(ObserverSuspicion(fleet([100, 200, 300, nil]), percent: 50)?.workers.count == 3)
        #expect(ObserverSuspicion(fleet([100, 200, nil, nil]), percent: 50) == nil)
        #expect(ObserverSuspicion(fleet([100, 200, nil, nil]), percent: 49)?.workers.count == 2)
    }

    @Test("Workers that fall silent one after another are believed")
    func slowly() {
        #expect(ObserverSuspicion(fleet([0, 20_000, 40_000, nil]), percent: 50) == nil)
        #expect(ObserverSuspicion(fleet([0, 100_000, 100_001, 100_002]), percent: 50)?.workers.count == 3)
    }

    @Test("Workers that refuse or answer are believed, and so are few")
    func believed() {
        #expect(ObserverSuspicion(fleet([1, 1, 1, nil], outcome: .failure(reason: "refused")), percent: 50) == nil)
        #expect(ObserverSuspicion(fleet([1, 1]), percent: 50) == nil)
        #expect(ObserverSuspicion(fleet([1, 1, 1]), percent: 0) == nil)
        #expect(ObserverSuspicion([:], percent: 50) == nil)
    }

    @Test("Workers that were never ready do not count")
    func pending() {
        var states = fleet([1, 1, nil])
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<10 {
            var state = ProbeState(.new, settings: settings, at: 0)
            _ = state.probed(.silence(reason: ""), at: 1)
            states[IncarnationID.random(using: &generator)] = state
        }
        let suspicion = ObserverSuspicion(states, percent: 50)
        #expect(suspicion?.workers.count == 2 && suspicion?.total == 3)
    }
}
