import Testing

@testable import ControlPlane

@Suite("The slots of a listener")
struct ConnectionSlotsTests {
    private let start = ContinuousClock.now

    private func full(_ count: Int) -> ConnectionSlots {
        var slots = ConnectionSlots(connectionsMax: count)
        for id in 0..<count {
            slots.accepted()
            slots.entered(ConnectionSlots.ID(id), at: start + .seconds(id))
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
        slots.entered(3, at: start + .seconds(10))
        #expect(slots.victim() == 2)
    }

    @Test("name one victim for a new connection, whether a connection first leaves or first counts as closed")
    func order() {
        for leavesFirst in [true, false] {
            var slots = full(3)
            #expect(slots.victim() == 0)
            if leavesFirst { slots.left(0) } else { slots.closed() }
            #expect(slots.victim() == nil)
            if leavesFirst { slots.closed() } else { slots.left(0) }
            #expect(slots.victim() == nil)
            #expect(slots.hasRoom)
        }
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
