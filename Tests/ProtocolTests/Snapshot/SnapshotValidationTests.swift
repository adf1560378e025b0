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

    @Test("A policy that nobody knows is refused with the names of those that there are")
    func policyNames() throws {
        #expect(try PolicyName(named: "cache_aware") == .cacheAware)
        #expect(throws: PolicyNameError(name: "astrology")) { try PolicyName(named: "astrology") }
        #expect(PolicyNameError(name: "astrology").description.contains("kv_cost"))
    }

    @Test("Every default of a policy's parameters is allowed, and what is out of bounds is named")
    func policyParameters() {
        for name in PolicyName.allCases {
            let defaults = Dictionary(uniqueKeysWithValues: name.parameters.map { ($0.key.rawValue, $0.value) })
            #expect(PolicyConfiguration(name: name, parameters: defaults).faults.isEmpty)
        }
        let faults = PolicyConfiguration(
            name: .cacheAware,
            parameters: ["cache_threshold": 1.5, "max_tree_size": 5000.5, "max_idle_secs": 5]
        ).faults
        #expect(faults.map(\.parameter) == ["cache_threshold", "max_idle_secs", "max_tree_size"])
        #expect(faults.map(\.message).contains { $0.contains("from 0 to 1") })
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
