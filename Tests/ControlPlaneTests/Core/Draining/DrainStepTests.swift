import SignalboxProtocol
import Testing

@testable import ControlPlaneCore

@Suite("A draining worker")
struct DrainStepTests {
    private let epoch: Epoch
    private let incarnation: IncarnationID
    private let drain = WorkerDrain(beganAt: 1_000, deadline: 61_000, sequence: 7)

    init() throws {
        epoch = try #require(Epoch("11111111-2222-4333-8444-555555555555"))
        incarnation = try #require(IncarnationID("00000002-0000-4000-8000-000000000000"))
    }

    private func plane(_ id: String, sequence: UInt64?, inFlight: Int, isConnected: Bool = true) -> DataPlaneTraffic {
        DataPlaneTraffic(
            id: id,
            isConnected: isConnected,
            version: sequence.map { SnapshotVersion(epoch: epoch, sequence: $0) },
            inFlight: inFlight == 0 ? [:] : [incarnation: inFlight],
            totalInFlight: inFlight
        )
    }

    private func step(_ planes: [DataPlaneTraffic], drain: WorkerDrain? = nil, at now: Int64) -> DrainStep {
        DrainStep(incarnation, drain ?? self.drain, epoch: epoch, planes: planes, settledAt: 3_000, at: now)
    }

    @Test("is removed when no data plane has requests of it, and each has said so since it got nothing new")
    func removed() {
        let drained = plane("a", sequence: 7, inFlight: 0)
        #expect(
            step([drained, plane("b", sequence: 9, inFlight: 0)], at: 5_000) == .remove(reason: "no requests were left")
        )
        #expect(step([drained, plane("b", sequence: 7, inFlight: 1)], at: 5_000) == .wait(until: 61_000))
        #expect(step([drained, plane("b", sequence: 6, inFlight: 0)], at: 5_000) == .wait(until: 61_000))
        #expect(step([drained, plane("b", sequence: nil, inFlight: 0)], at: 5_000) == .wait(until: 61_000))
    }

    @Test("waits for a data plane that has fallen silent and lives, until its time is over")
    func silent() {
        let silent = plane("a", sequence: 7, inFlight: 0, isConnected: false)
        #expect(step([silent], at: 5_000) == .wait(until: 6_000))
        #expect(step([silent], at: 60_900) == .wait(until: 61_000))
        #expect(step([silent], at: 61_000) == .cut)
    }

    @Test("without data planes waits for those of an earlier run to come back")
    func settling() {
        #expect(step([], at: 2_999) == .wait(until: 3_000))
        #expect(step([], at: 3_000) == .remove(reason: "no data plane has requests"))
    }

    @Test("is cut when its time is over, and removed when that is done, or five seconds later")
    func cut() {
        let busy = plane("a", sequence: 7, inFlight: 2)
        #expect(step([busy], at: 60_999) == .wait(until: 61_000))
        #expect(step([busy], at: 61_000) == .cut)
        let cut = WorkerDrain(beganAt: 1_000, deadline: 61_000, cutAt: 61_000, sequence: 9)
        #expect(step([busy], drain: cut, at: 61_001) == .wait(until: 66_000))
        let done = plane("a", sequence: 9, inFlight: 0)
        #expect(step([done], drain: cut, at: 61_100) == .remove(reason: "no requests were left"))
        guard case .remove(let reason) = step([busy], drain: cut, at: 66_000) else {
            Issue.record("a worker that cannot be heard of was kept")
            return
        }
        #expect(reason.contains(": a"))
    }

    @Test("of another epoch than a data plane serves is not taken for drained")
    func epochs() throws {
        let other = try #require(Epoch("99999999-2222-4333-8444-555555555555"))
        let elsewhere = SnapshotVersion(epoch: other, sequence: 90)
        let plane = DataPlaneTraffic(id: "a", isConnected: true, version: elsewhere, inFlight: [:], totalInFlight: 0)
        #expect(step([plane], at: 5_000) == .wait(until: 61_000))
    }

    @Test("needs a data plane that does not tell workers apart to have no request at all")
    func oldDataPlane() {
        let version = SnapshotVersion(epoch: epoch, sequence: 7)
        var plane = DataPlaneTraffic(id: "a", isConnected: true, version: version, inFlight: nil, totalInFlight: 1)
        #expect(plane.inFlight(incarnation) == nil)
        #expect(step([plane], at: 5_000) == .wait(until: 61_000))
        plane.totalInFlight = 0
        #expect(step([plane], at: 5_000) == .remove(reason: "no requests were left"))
    }
}
