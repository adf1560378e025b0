import ControlPlaneCore
import Testing

@testable import ControlPlane

@Suite("What waits for discovery")
struct DiscoveryBacklogTests {
    private func pod(_ uid: String, label: String = "") -> Pod {
        Pod(reference: PodReference(namespace: "n", name: uid, uid: uid), labels: ["app": label])
    }

    private func event(_ uid: String, by watch: Int = 0, label: String = "") -> DiscoveryInput {
        .event(.applied(pod(uid, label: label), resourceVersion: "1"), by: watch)
    }

    @Test func inputsKeepTheirOrderAndAreTakenOnce() {
        var backlog = DiscoveryBacklog(bytesMax: 1 << 20)
        let inputs = [event("a"), .dismissed(uid: "a"), .listed([pod("b")], by: 1), event("c", by: 1)]
        for input in inputs {
            let isTaken = backlog.put(input)
            #expect(isTaken)
        }
        #expect(backlog.bytes == pod("a").approximateBytes + pod("c").approximateBytes)
        let taken = backlog.takeAll()
        #expect(taken == inputs)
        let rest = backlog.takeAll()
        #expect(rest.isEmpty && backlog.bytes == 0)
    }

    @Test func eventsBeyondTheBoundAreRefusedWhateverTheirSize() {
        let one = pod("0", label: String(repeating: "x", count: 1_000)).approximateBytes
        #expect(one > 1_000)
        var backlog = DiscoveryBacklog(bytesMax: 3 * one)
        let label = String(repeating: "x", count: 1_000)
        let taken = (0..<9).map { backlog.put(event("\($0)", label: label)) }
        #expect(taken == [true, true, true, false, false, false, false, false, false])
        #expect(backlog.bytes == 3 * one)
        // What is no event has its own bound, and goes in.
        let others = [backlog.put(.dismissed(uid: "0")), backlog.put(.timePassed)]
        let inputs = backlog.takeAll()
        let again = backlog.put(event("9", label: label))
        #expect(others == [true, true] && inputs.count == 5 && again)
    }

    @Test func aListTakesThePlaceOfAllThatItsWatchTold() {
        var backlog = DiscoveryBacklog(bytesMax: 1 << 20)
        _ = backlog.put(.listed([pod("old")], by: 0))
        _ = backlog.put(event("a", by: 0))
        _ = backlog.put(event("b", by: 1))
        _ = backlog.put(.listed([pod("a")], by: 0))
        #expect(backlog.bytes == pod("b").approximateBytes)
        _ = backlog.put(event("c", by: 0))
        let inputs = backlog.takeAll()
        #expect(inputs == [event("b", by: 1), .listed([pod("a")], by: 0), event("c", by: 0)])
    }

    @Test func timePassesOnceUntilSomebodyLooks() {
        var backlog = DiscoveryBacklog(bytesMax: 1 << 20)
        for _ in 0..<2 {
            for _ in 0..<100 { _ = backlog.put(.timePassed) }
            let inputs = backlog.takeAll()
            #expect(inputs == [.timePassed])
        }
    }

    @Test func theInboxWakesWhoWaits() async {
        let inbox = DiscoveryInbox(bytesMax: pod("a").approximateBytes)
        #expect(inbox.put(event("a")))
        #expect(!inbox.put(event("b")))
        for await _ in inbox.wakes { break }
        #expect(inbox.takeAll() == [event("a")] && inbox.bytes == 0)
    }
}
