import ControlPlaneCore
import SignalboxProtocol
import Testing

@testable import ControlPlane

@Suite("What discovery does next")
struct DiscoveryWorkTests {
    private func reference(_ uid: String) -> PodReference { PodReference(namespace: "n", name: uid, uid: uid) }

    private func addition(_ uid: String) throws -> DiscoveryAction {
        .add(reference(uid), PodWorker(url: try WorkerURL("http://\(uid):80")))
    }

    @Test func removalsComeFirstAndAdditionsInPieces() throws {
        var work = DiscoveryWork()
        work.take(try (0..<250).map { try addition("a\($0)") } + [.remove(reference("old"), reason: "gone")])
        #expect(work.takeUrgent() == [.remove(reference("old"), reason: "gone")])
        #expect(work.hasMore)
        var sizes: [Int] = []
        while work.hasMore { sizes.append(work.takePiece().count) }
        #expect(sizes == [100, 100, 50])
        #expect(work.takePiece().isEmpty)
        #expect(work.takeUrgent().isEmpty)
    }

    @Test func whatIsTakenBackBeforeItsTurnIsNeverAdded() throws {
        var work = DiscoveryWork()
        work.take([try addition("a"), try addition("b"), .remove(reference("a"), reason: "gone")])
        #expect(work.takeUrgent().isEmpty)
        #expect(work.takePiece().map(\.pod.uid) == ["b"])
        // One that has had its turn is removed.
        work.take([.remove(reference("b"), reason: "gone")])
        #expect(work.takeUrgent() == [.remove(reference("b"), reason: "gone")])
    }

    @Test func aPodThatBecomesAnotherWorkerIsRemovedAndAdded() throws {
        var work = DiscoveryWork()
        work.take([.remove(reference("a"), reason: "another"), try addition("a")])
        #expect(work.takeUrgent().count == 1)
        #expect(work.takePiece().count == 1)
    }
}
