import ControlPlaneCore
import SignalboxProtocol
import Testing

@Suite("Pods as workers")
struct PodDiscoveryTests {
    private static let flap: Int64 = 1_000

    private static func discovery(
        flap: Int64 = PodDiscoveryTests.flap,
        prefill: [String] = [],
        restored: [PodDiscovery.Known] = [],
        at now: Int64 = 0
    ) throws -> PodDiscovery {
        let rules = DiscoveryRules(
            regular: try LabelSelector(["app=x"]),
            prefill: try LabelSelector(prefill),
            decode: try LabelSelector([])
        )
        return PodDiscovery(rules: rules, flapMilliseconds: flap, restored: restored, at: now)
    }

    private static func pod(
        _ uid: String,
        _ address: String? = "10.0.0.1",
        ready: Bool = true,
        terminating: Bool = false,
        phase: String = "Running",
        created: String = "2026-01-01T00:00:00Z",
        labels: [String: String] = ["app": "x"],
        annotations: [String: String] = [:],
        version: UInt64? = nil
    ) -> Pod {
        Pod(
            reference: PodReference(namespace: "n", name: "p", uid: uid),
            labels: labels,
            annotations: annotations,
            phase: phase,
            isReady: ready,
            isTerminating: terminating,
            address: address,
            created: created,
            version: version
        )
    }

    private static func worker(_ url: String) throws -> PodWorker { PodWorker(url: try WorkerURL(url)) }

    /// `+uid`, `-uid`, `=uid` for a hold, `>uid` for a release, `~uid` for a weight.
    private static func brief(_ actions: [DiscoveryAction]) -> [String] {
        actions.map { action in
            switch action {
            case .add(let pod, _): "+\(pod.uid)"
            case .remove(let pod, _): "-\(pod.uid)"
            case .hold(let pod, _): "=\(pod.uid)"
            case .release(let pod): ">\(pod.uid)"
            case .weigh(let pod, _): "~\(pod.uid)"
            }
        }
    }

    private typealias Tests = PodDiscoveryTests

    @Test func aPodIsAddedOnceAndRemovedOnce() throws {
        var discovery = try Tests.discovery()
        let added = discovery.applied(Tests.pod("a"), by: 0, at: 0)
        #expect(added == [.add(Tests.pod("a").reference, try Tests.worker("http://10.0.0.1:80"))])
        #expect(discovery.applied(Tests.pod("a"), by: 0, at: 1).isEmpty)
        #expect(discovery.listed([Tests.pod("a")], by: 0, at: 2).isEmpty)
        #expect(Tests.brief(discovery.deleted(Tests.pod("a"), by: 0, at: 3)) == ["-a"])
        #expect(discovery.deleted(Tests.pod("a"), by: 0, at: 4).isEmpty)
        #expect(discovery.views.isEmpty)
    }

    @Test(arguments: [
        Tests.pod("a", nil), Tests.pod("a", ready: false), Tests.pod("a", phase: "Pending"),
        Tests.pod("a", phase: "Unknown"), Tests.pod("a", terminating: true), Tests.pod("a", phase: "Failed"),
        Tests.pod("a", labels: ["app": "y"]), Tests.pod("a", annotations: ["signalbox.dev/port": "none"]),
        Tests.pod("a", annotations: ["signalbox.dev/weight": "0"]),
        Tests.pod("a", annotations: ["signalbox.dev/role": "boss"]),
        Tests.pod("a", "not an address"),
    ])
    func whatIsNoWorkerIsNotAddedAndSaysWhy(_ pod: Pod) throws {
        var discovery = try Tests.discovery()
        #expect(discovery.applied(pod, by: 0, at: 0).isEmpty)
        let view = try #require(discovery.views.first)
        #expect(view.state == .excluded && view.reason?.isEmpty == false)
    }

    @Test(arguments: [
        Tests.pod("a", terminating: true), Tests.pod("a", ready: false, terminating: true),
        Tests.pod("a", phase: "Failed"), Tests.pod("a", phase: "Succeeded"), Tests.pod("a", labels: [:]),
    ])
    func whatWillNeverBeAWorkerAgainLeavesAtOnce(_ pod: Pod) throws {
        var discovery = try Tests.discovery()
        _ = discovery.applied(Tests.pod("a"), by: 0, at: 0)
        #expect(Tests.brief(discovery.applied(pod, by: 0, at: 1)) == ["-a"])
        // And from a hold, too.
        discovery = try Tests.discovery()
        _ = discovery.applied(Tests.pod("a"), by: 0, at: 2)
        _ = discovery.applied(Tests.pod("a", ready: false), by: 0, at: 3)
        #expect(Tests.brief(discovery.applied(pod, by: 0, at: 4)) == ["-a"])
    }

    @Test func aFlapHoldsAndReleases() throws {
        var discovery = try Tests.discovery()
        _ = discovery.applied(Tests.pod("a"), by: 0, at: 0)
        #expect(Tests.brief(discovery.applied(Tests.pod("a", ready: false), by: 0, at: 10)) == ["=a"])
        #expect(discovery.nextDeadline == 10 + Tests.flap)
        #expect(discovery.applied(Tests.pod("a", nil, ready: false), by: 0, at: 20).isEmpty)
        #expect(discovery.due(at: 9 + Tests.flap).isEmpty)
        #expect(Tests.brief(discovery.applied(Tests.pod("a"), by: 0, at: 9 + Tests.flap)) == [">a"])
        #expect(discovery.nextDeadline == nil)
    }

    @Test func aFlapThatLastsEndsTheRegistration() throws {
        var discovery = try Tests.discovery()
        _ = discovery.applied(Tests.pod("a"), by: 0, at: 0)
        _ = discovery.applied(Tests.pod("a", ready: false), by: 0, at: 10)
        #expect(Tests.brief(discovery.due(at: 10 + Tests.flap)) == ["-a"])
        #expect(discovery.nextDeadline == nil)
        #expect(Tests.brief(discovery.applied(Tests.pod("a"), by: 0, at: 5_000)) == ["+a"])
    }

    @Test func withoutTimeForFlapsTheRegistrationEndsAtOnce() throws {
        var discovery = try Tests.discovery(flap: 0)
        _ = discovery.applied(Tests.pod("a"), by: 0, at: 0)
        #expect(Tests.brief(discovery.applied(Tests.pod("a", ready: false), by: 0, at: 1)) == ["-a"])
    }

    @Test func theNewerPodGetsTheAddress() throws {
        var discovery = try Tests.discovery()
        let old = Tests.pod("old", created: "2026-01-01T00:00:00Z")
        let new = Tests.pod("new", created: "2026-01-02T00:00:00Z")
        _ = discovery.applied(old, by: 0, at: 0)
        #expect(Tests.brief(discovery.applied(new, by: 0, at: 1)) == ["-old", "+new"])
        // Late events of the old one change nothing.
        #expect(discovery.applied(old, by: 0, at: 2).isEmpty)
        #expect(discovery.applied(Tests.pod("old", terminating: true), by: 0, at: 3).isEmpty)
        #expect(discovery.deleted(old, by: 0, at: 4).isEmpty)
        #expect(Tests.brief(discovery.deleted(new, by: 0, at: 5)) == ["-new"])
    }

    @Test func whoWaitsForAnAddressGetsItWhenItIsFree() throws {
        var discovery = try Tests.discovery()
        let old = Tests.pod("old", created: "2026-01-01T00:00:00Z")
        let new = Tests.pod("new", created: "2026-01-02T00:00:00Z")
        _ = discovery.applied(new, by: 0, at: 0)
        #expect(discovery.applied(old, by: 0, at: 1).isEmpty)
        #expect(discovery.views.first { $0.reference.uid == "old" }?.reason?.contains("newer pod") == true)
        #expect(Tests.brief(discovery.deleted(new, by: 0, at: 2)) == ["-new", "+old"])
    }

    @Test func twoPodsMaySwapAddresses() throws {
        var discovery = try Tests.discovery()
        _ = discovery.listed([Tests.pod("a", "10.0.0.1"), Tests.pod("b", "10.0.0.2")], by: 0, at: 0)
        let actions = discovery.listed([Tests.pod("a", "10.0.0.2"), Tests.pod("b", "10.0.0.1")], by: 0, at: 1)
        #expect(actions.count == 4)
        var urls: [String: String] = [:]
        for action in actions {
            switch action {
            case .add(let pod, let worker): urls[worker.url.description] = pod.uid
            case .remove(let pod, _): urls = urls.filter { $0.value != pod.uid }
            default: Issue.record("\(action)")
            }
        }
        #expect(urls == ["http://10.0.0.2:80": "a", "http://10.0.0.1:80": "b"])
    }

    @Test func aListRemovesBeforeItAdds() throws {
        var discovery = try Tests.discovery()
        _ = discovery.listed([Tests.pod("z")], by: 0, at: 0)
        #expect(Tests.brief(discovery.listed([Tests.pod("a", created: "2025")], by: 0, at: 1)) == ["-z", "+a"])
    }

    @Test func aRefusalIsTriedAgain() throws {
        var discovery = try Tests.discovery()
        _ = discovery.applied(Tests.pod("a"), by: 0, at: 0)
        let isNews = discovery.refused("a", reason: "It exists.", at: 0)
        #expect(isNews)
        #expect(discovery.views.first?.state == .excluded && discovery.views.first?.reason == "It exists.")
        let deadline = try #require(discovery.nextDeadline)
        #expect(discovery.due(at: deadline - 1).isEmpty)
        #expect(discovery.applied(Tests.pod("a"), by: 0, at: deadline - 1).isEmpty)
        #expect(Tests.brief(discovery.due(at: deadline)) == ["+a"])
        // The same reason is no news.
        let isNewsAgain = discovery.refused("a", reason: "It exists.", at: deadline)
        #expect(!isNewsAgain)
        #expect(discovery.deleted(Tests.pod("a"), by: 0, at: deadline).isEmpty)
        #expect(discovery.nextDeadline == nil)
    }

    @Test func whoWaitsForTheAddressOfARefusedPodGetsItWhenThatGoes() throws {
        var discovery = try Tests.discovery()
        _ = discovery.applied(Tests.pod("new", created: "2"), by: 0, at: 0)
        _ = discovery.refused("new", reason: "It exists.", at: 0)
        #expect(discovery.applied(Tests.pod("old", created: "1"), by: 0, at: 1).isEmpty)
        #expect(Tests.brief(discovery.deleted(Tests.pod("new"), by: 0, at: 2)) == ["+old"])
    }

    @Test func aWorkerThatAPersonRemovesStaysAway() throws {
        var discovery = try Tests.discovery()
        _ = discovery.applied(Tests.pod("a", created: "2"), by: 0, at: 0)
        _ = discovery.applied(Tests.pod("b", created: "1"), by: 0, at: 0)
        // Its address is free for another one.
        #expect(Tests.brief(discovery.dismissed("a", at: 1)) == ["+b"])
        #expect(discovery.applied(Tests.pod("a", ready: false, created: "2"), by: 0, at: 2).isEmpty)
        #expect(discovery.applied(Tests.pod("a", created: "2"), by: 0, at: 10_000).isEmpty)
        let view = try #require(discovery.views.first { $0.reference.uid == "a" })
        #expect(view.state == .excluded && view.reason?.contains("by hand") == true)
        #expect(discovery.deleted(Tests.pod("a"), by: 0, at: 10_001).isEmpty)
        #expect(discovery.dismissed("nobody", at: 10_002).isEmpty)
    }

    /// Two watches tell of one pod, and one of them is behind.
    @Test func aWatchThatIsBehindBringsNothingBack() throws {
        var discovery = try Tests.discovery(prefill: ["stage=p"])
        let labels = ["app": "x", "stage": "p"]
        func pod(_ version: UInt64?, ready: Bool = true, terminating: Bool = false) -> Pod {
            Tests.pod("a", ready: ready, terminating: terminating, labels: labels, version: version)
        }
        #expect(Tests.brief(discovery.applied(pod(5), by: 0, at: 0)) == ["+a"])
        #expect(discovery.applied(pod(5), by: 1, at: 0).isEmpty)
        #expect(Tests.brief(discovery.applied(pod(8, terminating: true), by: 0, at: 1)) == ["-a"])
        #expect(discovery.applied(pod(6), by: 1, at: 2).isEmpty)
        // Also where versions are no numbers.
        #expect(discovery.applied(pod(nil), by: 1, at: 3).isEmpty)
    }

    /// One watch alone is never behind: a database that was restored from a copy counts from there.
    @Test func versionsThatGoBackHideNothing() throws {
        var discovery = try Tests.discovery()
        let known = [Tests.pod("a", version: 5_000), Tests.pod("b", "10.0.0.2", version: 5_001)]
        _ = discovery.listed(known, by: 0, at: 0)
        let pods = [Tests.pod("a", ready: false, version: 3_000), Tests.pod("b", "10.0.0.2", version: 2_999)]
        #expect(Tests.brief(discovery.listed(pods, by: 0, at: 1)) == ["=a"])
        let ending = Tests.pod("b", "10.0.0.2", terminating: true, version: 3_001)
        #expect(Tests.brief(discovery.applied(ending, by: 0, at: 2)) == ["-b"])
    }

    @Test(arguments: [(5, 6), (6, 5)] as [(UInt64, UInt64)])
    func ofAPodThatAListHasTwiceTheLaterStateCounts(_ ready: UInt64, _ starting: UInt64) throws {
        var discovery = try Tests.discovery()
        let pods = [Tests.pod("a", version: ready), Tests.pod("a", ready: false, version: starting)]
        #expect(Tests.brief(discovery.listed(pods, by: 0, at: 0)) == (ready > starting ? ["+a"] : []))
    }

    @Test func aBareDeletionOfOneWatchIsEnough() throws {
        var discovery = try Tests.discovery(prefill: ["stage=p"])
        let labels = ["app": "x", "stage": "p"]
        _ = discovery.applied(Tests.pod("a", labels: labels, version: 5), by: 0, at: 0)
        _ = discovery.applied(Tests.pod("a", labels: labels, version: 5), by: 1, at: 0)
        #expect(Tests.brief(discovery.deleted(Tests.pod("a", labels: labels, version: 9), by: 0, at: 1)) == ["-a"])
        #expect(discovery.deleted(Tests.pod("a", labels: labels, version: 9), by: 1, at: 2).isEmpty)
        #expect(discovery.views.isEmpty)
    }

    /// A pod that changes its labels leaves one watch and stays in the other, whichever tells first.
    @Test(arguments: [true, false])
    func aPodThatOneSelectorLosesStays(_ isDeletionFirst: Bool) throws {
        var discovery = try Tests.discovery(prefill: ["stage=p"])
        let both = Tests.pod("a", labels: ["app": "x", "stage": "p"], version: 5)
        _ = discovery.applied(both, by: 0, at: 0)
        _ = discovery.applied(both, by: 1, at: 0)
        let lost = Tests.pod("a", labels: ["app": "x", "stage": "p"], version: 7)
        let regular = Tests.pod("a", version: 7)
        var actions: [DiscoveryAction] = []
        if isDeletionFirst { actions += discovery.deleted(lost, by: 0, at: 1) }
        actions += discovery.applied(regular, by: 1, at: 2)
        if !isDeletionFirst { actions += discovery.deleted(lost, by: 0, at: 3) }
        #expect(Tests.brief(actions) == ["-a", "+a"])
        #expect(discovery.views.first?.worker?.role == .regular)
    }

    @Test func inAListWhatKeepsRequestsAwayComesFirst() throws {
        var discovery = try Tests.discovery()
        _ = discovery.listed([Tests.pod("gone", "10.0.0.1"), Tests.pod("late", "10.0.0.2")], by: 0, at: 0)
        let pods = [
            Tests.pod("new", "10.0.0.3"), Tests.pod("late", "10.0.0.2", ready: false),
            Tests.pod("gone", "10.0.0.1", terminating: true),
        ]
        #expect(Tests.brief(discovery.listed(pods, by: 0, at: 1)) == ["=late", "-gone", "+new"])
    }

    @Test func aWeightChangesInPlaceAndAnotherModelDoesNot() throws {
        var discovery = try Tests.discovery()
        _ = discovery.applied(Tests.pod("a"), by: 0, at: 0)
        let heavy = Tests.pod("a", annotations: ["signalbox.dev/weight": "3"])
        #expect(discovery.applied(heavy, by: 0, at: 1) == [.weigh(heavy.reference, 3)])
        let other = Tests.pod("a", annotations: ["signalbox.dev/model": "m"])
        #expect(Tests.brief(discovery.applied(other, by: 0, at: 2)) == ["-a", "+a"])
    }

    @Test func registrationsOfAnEarlierRunAreKnownAgain() throws {
        let reference = Tests.pod("a").reference
        let gone = PodReference(namespace: "n", name: "gone", uid: "gone")
        let restored = [
            PodDiscovery.Known(reference, try Tests.worker("http://10.0.0.1:80")),
            PodDiscovery.Known(gone, try Tests.worker("http://10.0.0.9:80")),
        ]
        var discovery = try Tests.discovery(restored: restored)
        #expect(discovery.due(at: 0).isEmpty && discovery.nextDeadline == nil)
        #expect(Tests.brief(discovery.listed([Tests.pod("a")], by: 0, at: 1)) == ["-gone"])
    }

    private static func held(_ since: Int64, at now: Int64) throws -> PodDiscovery {
        let hold = HealthHold(since: since, reason: "It was not ready.")
        let known = PodDiscovery.Known(
            Tests.pod("a").reference,
            try Tests.worker("http://10.0.0.1:80"),
            hold: hold
        )
        return try Tests.discovery(restored: [known], at: now)
    }

    /// The time of a hold goes on over a restart, also where the clock was set back; nothing ends unseen.
    @Test func aHoldOfAnEarlierRunGoesOn() throws {
        var discovery = try Tests.held(5_000, at: 5_600)
        #expect(discovery.views.first?.state == .held && discovery.views.first?.reason == "It was not ready.")
        // Long over, but nobody has seen the pod.
        #expect(discovery.nextDeadline == nil && discovery.due(at: 50_000).isEmpty)
        #expect(discovery.listed([Tests.pod("a", ready: false)], by: 0, at: 5_700).isEmpty)
        #expect(discovery.nextDeadline == 6_000)
        #expect(discovery.due(at: 5_999).isEmpty)
        #expect(Tests.brief(discovery.due(at: 6_000)) == ["-a"])

        var set = try Tests.held(9_000, at: 5_600)
        #expect(set.applied(Tests.pod("a", ready: false), by: 0, at: 5_700).isEmpty && set.nextDeadline == 6_600)
    }

    @Test func aHoldOfAnEarlierRunEndsByWhatThePodIsNow() throws {
        let reference = Tests.pod("a").reference
        var ready = try Tests.held(5_000, at: 50_000)
        #expect(ready.listed([Tests.pod("a")], by: 0, at: 50_001) == [.release(reference)])
        var late = try Tests.held(5_000, at: 50_000)
        #expect(Tests.brief(late.listed([Tests.pod("a", ready: false)], by: 0, at: 50_001)) == ["-a"])
        var gone = try Tests.held(5_000, at: 5_001)
        #expect(Tests.brief(gone.listed([], by: 0, at: 5_002)) == ["-a"])
        var ending = try Tests.held(5_000, at: 5_001)
        #expect(Tests.brief(ending.listed([Tests.pod("a", terminating: true)], by: 0, at: 5_002)) == ["-a"])
    }

    /// A registration whose pod nobody lists goes only when every watch has listed.
    @Test func everyWatchHasASay() throws {
        let reference = Tests.pod("a").reference
        var discovery = try Tests.discovery(
            prefill: ["stage=p"],
            restored: [PodDiscovery.Known(reference, try Tests.worker("http://10.0.0.1:80"))]
        )
        #expect(discovery.listed([], by: 0, at: 0).isEmpty)
        #expect(Tests.brief(discovery.listed([], by: 1, at: 1)) == ["-a"])
    }

    @Test func prefillGoesBeforeRegular() throws {
        var discovery = try Tests.discovery(prefill: ["stage=p"])
        let both = Tests.pod(
            "a",
            labels: ["app": "x", "stage": "p"],
            annotations: ["sglang.ai/bootstrap-port": "8998"]
        )
        guard case .add(_, let worker) = discovery.applied(both, by: 0, at: 0).first else {
            Issue.record("the pod is not added")
            return
        }
        #expect(worker.role == .prefill && worker.bootstrapPort == 8998)
        #expect(discovery.applied(both, by: 1, at: 1).isEmpty)
        // It is gone only when no watch has it.
        #expect(discovery.deleted(both, by: 0, at: 2).isEmpty)
        #expect(Tests.brief(discovery.deleted(both, by: 1, at: 3)) == ["-a"])
    }

    @Test(arguments: [
        ("10.0.0.1", [:], "http://10.0.0.1:80"),
        ("fd00::1", [:], "http://[fd00::1]:80"),
        ("10.0.0.1", ["signalbox.dev/port": "8000"], "http://10.0.0.1:8000"),
        ("10.0.0.1", ["signalbox.dev/port": "api"], "http://10.0.0.1:31000"),
    ])
    func urls(_ address: String, _ annotations: [String: String], _ url: String) throws {
        var pod = Tests.pod("a", address, annotations: annotations)
        pod.namedPorts = ["api": 31_000]
        var discovery = try Tests.discovery()
        guard case .add(_, let worker) = discovery.applied(pod, by: 0, at: 0).first else {
            Issue.record("the pod is not added")
            return
        }
        #expect(worker.url == (try WorkerURL(url)))
    }

    /// Whatever happens in whatever order: no two registrations of one address, none of a pod that may have no requests,
    /// and every action fits the registrations that there are.
    @Test(arguments: 0..<200 as Range<UInt64>)
    func randomEvents(_ seed: UInt64) throws {
        var random = SplitMix(state: seed)
        var discovery = try Tests.discovery(flap: 50, prefill: ["stage=p"])
        var registered: [String: String] = [:]
        var held: Set<String> = []
        var latest: [String: Pod] = [:]
        for step in 0..<300 {
            let now = Int64(step * 10)
            let uid = "u\(Int.random(in: 0..<6, using: &random))"
            let pod = Tests.pod(
                uid,
                Bool.random(using: &random) ? "10.0.0.\(Int.random(in: 1...3, using: &random))" : nil,
                ready: Int.random(in: 0..<4, using: &random) > 0,
                terminating: Int.random(in: 0..<8, using: &random) == 0,
                created: "2026-01-0\(uid.last == "5" ? 1 : 2)",
                labels: Bool.random(using: &random) ? ["app": "x"] : ["app": "x", "stage": "p"]
            )
            let watch = Int.random(in: 0...1, using: &random)
            let actions: [DiscoveryAction]
            switch Int.random(in: 0..<10, using: &random) {
            case 0:
                latest[uid] = nil
                actions = discovery.deleted(pod, by: 0, at: now) + discovery.deleted(pod, by: 1, at: now)
            case 1: actions = discovery.due(at: now)
            case 2:
                actions = discovery.listed(Array(latest.values), by: watch, at: now)
            default:
                latest[uid] = pod
                actions = discovery.applied(pod, by: watch, at: now)
            }
            for action in actions {
                switch action {
                case .add(let pod, let worker):
                    #expect(registered.updateValue(worker.url.description, forKey: pod.uid) == nil)
                case .remove(let pod, _):
                    #expect(registered.removeValue(forKey: pod.uid) != nil)
                    held.remove(pod.uid)
                case .hold(let pod, _): #expect(registered[pod.uid] != nil && held.insert(pod.uid).inserted)
                case .release(let pod): #expect(held.remove(pod.uid) != nil)
                case .weigh: break
                }
            }
            #expect(Set(registered.values).count == registered.count, "two registrations of one address")
            for (uid, pod) in latest where pod.isTerminating { #expect(registered[uid] == nil) }
            let views = discovery.views
            #expect(Set(views.filter { $0.state != .excluded }.map(\.reference.uid)) == Set(registered.keys))
            #expect(Set(views.filter { $0.state == .held }.map(\.reference.uid)) == held)
        }
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
