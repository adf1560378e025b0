import Testing

@testable import ControlPlane

@Suite("The slots of a listener")
struct ConnectionSlotsTests {
    private let start = ContinuousClock.now

    private func full(_ count: Int) -> ConnectionSlots {
        var slots = ConnectionSlots(connectionsMax: count)
        for id in 0..<count {
            slots.accepted()
            slots.waits(ConnectionSlots.ID(id), since: start + .seconds(id))
        }
        return slots
    }

    @Test("name no victim while there is room")
    func room() {
        var slots = full(3)
        slots.closed()
        slots.left(1)
        #expect(slots.hasRoom)
        #expect(slots.victim() == nil)
    }

    @Test("name the longest silent connection when full, and one victim for each missing slot")
    func longestSilent() {
        var slots = full(3)
        slots.waits(0, since: start + .seconds(9))
        #expect(!slots.hasRoom)
        #expect(slots.victim() == 1)
        #expect(slots.victim() == nil)
        slots.accepted()
        #expect(slots.victim() == 2)
    }

    @Test("spare a connection that has a request to do")
    func working() {
        var slots = full(2)
        slots.works(0)
        slots.works(1)
        #expect(slots.victim() == nil)
        slots.waits(1, since: start)
        #expect(slots.victim() == 1)
    }

    @Test("name another victim when the first one got a request before it closed")
    func spared() {
        var slots = full(2)
        #expect(slots.victim() == 0)
        slots.works(0)
        #expect(slots.victim() == 1)
    }

    @Test("give up a victim that is silent again only once")
    func leaving() {
        var slots = full(1)
        #expect(slots.victim() == 0)
        slots.waits(0, since: start)
        #expect(slots.longestSilent() == nil)
        slots.left(0)
        slots.closed()
        #expect(slots.hasRoom)
    }
}
