import SignalboxProtocol
import Testing

struct SnapshotValidationTests {
    @Test("A sound snapshot breaks no rule")
    func sound() {
        #expect(SampleSnapshot.snapshot().violations().isEmpty)
        #expect(SampleSnapshot.snapshot(workers: []).violations().isEmpty)
    }

    @Test("Every broken rule is listed with its place")
    func violations() {
        var second = SampleSnapshot.worker(2, url: "http://worker-1:8000")
        second.weight = 0
        var third = SampleSnapshot.worker(1, url: "http://Worker-3")
        third.id = SampleSnapshot.identifier(WorkerKind.self, 3)
        var snapshot = SampleSnapshot.snapshot(workers: [SampleSnapshot.worker(1), second, third])
        snapshot.policy.parameters = ["speed": 1]
        snapshot.settings.timeouts.queueMilliseconds = -1
        snapshot.models = [
            ModelConfiguration(model: "m", policy: PolicyConfiguration()),
            ModelConfiguration(model: "m", policy: PolicyConfiguration()),
        ]
        #expect(
            snapshot.violations().map(\.path).sorted() == [
                "models[1].model", "policy.parameters.speed", "settings.queue_timeout_milliseconds",
                "workers[1].url", "workers[1].weight", "workers[2].incarnation", "workers[2].url",
            ]
        )
    }

    @Test("A policy that is planned and one that nobody knows are refused with different sentences")
    func policyNames() throws {
        #expect(try PolicyName(named: "round_robin") == .roundRobin)
        #expect(throws: PolicyNameError(name: "cache_aware")) { try PolicyName(named: "cache_aware") }
        #expect(PolicyNameError(name: "cache_aware").description.contains("not built yet"))
        #expect(PolicyNameError(name: "astrology").description.contains("There is no policy"))
    }

    @Test("Versions go forward within an epoch, and anywhere in a new one")
    func versions() {
        let old = SnapshotVersion(epoch: SampleSnapshot.epoch, sequence: 5)
        #expect(SnapshotVersion(epoch: SampleSnapshot.epoch, sequence: 6).mayReplace(old))
        #expect(SnapshotVersion(epoch: SampleSnapshot.epoch, sequence: 5).mayReplace(old))
        #expect(!SnapshotVersion(epoch: SampleSnapshot.epoch, sequence: 4).mayReplace(old))
        let other = SampleSnapshot.identifier(EpochKind.self, 99)
        #expect(SnapshotVersion(epoch: other, sequence: 0).mayReplace(old))
        #expect(old.mayReplace(nil))
    }
}
