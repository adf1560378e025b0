import ControlPlaneCore
import Testing

@Suite("Watches of pods")
struct PodWatchTests {
    private static let list = PodWatchState.Step.list(continuation: nil)

    @Test func listsPageByPageThenWatches() {
        var state = PodWatchState()
        #expect(state.step == PodWatchTests.list && state.waitMilliseconds == 0)
        let pod = Pod(reference: PodReference(namespace: "n", name: "a", uid: "a"))
        #expect(state.received(PodPage(pods: [pod], resourceVersion: "7", continuation: "next"), spread: 0) == nil)
        #expect(state.step == .list(continuation: "next"))
        #expect(state.received(PodPage(pods: [pod], resourceVersion: "7"), spread: 0) == [pod, pod])
        #expect(state.step == .watch(resourceVersion: "7"))
        state.heard(upTo: "9")
        state.ended(wasUseful: true, spread: 0)
        #expect(state.step == .watch(resourceVersion: "9") && state.waitMilliseconds == 0)
    }

    @Test func whatWasForgottenIsListedAtOnce() {
        var state = PodWatchState()
        _ = state.received(PodPage(pods: [], resourceVersion: "7"), spread: 0)
        state.failed(status: 410, spread: 1)
        #expect(state.step == PodWatchTests.list && state.waitMilliseconds == 0)
        // A server that says so for ever is not asked for ever without a pause.
        state.failed(status: 410, spread: 1)
        #expect(state.waitMilliseconds > 0)
    }

    @Test func aPageThatFailsBeginsTheListAnew() {
        var state = PodWatchState()
        let pod = Pod(reference: PodReference(namespace: "n", name: "a", uid: "a"))
        _ = state.received(PodPage(pods: [pod], resourceVersion: "7", continuation: "next"), spread: 0)
        state.failed(status: 410, spread: 0)
        #expect(state.step == PodWatchTests.list)
        #expect(state.received(PodPage(pods: [pod], resourceVersion: "8"), spread: 0) == [pod])
    }

    @Test func waitsGrowAndEnd() {
        var state = PodWatchState()
        var waits: [Int64] = []
        for _ in 0..<12 {
            state.failed(status: nil, spread: 1)
            waits.append(state.waitMilliseconds)
        }
        #expect(waits.prefix(4) == [250, 500, 1_000, 2_000])
        #expect(waits.last == 30_000)
        state.failed(status: nil, spread: 0)
        #expect(state.waitMilliseconds == 15_000)
        _ = state.received(PodPage(pods: [], resourceVersion: "1"), spread: 0)
        #expect(state.waitMilliseconds == 0 && state.failures == 0)
    }

    @Test func watchesThatEndAtOnceAreFailures() {
        var state = PodWatchState()
        _ = state.received(PodPage(pods: [], resourceVersion: "1"), spread: 0)
        state.ended(wasUseful: false, spread: 0)
        #expect(state.failures == 1 && state.waitMilliseconds > 0)
    }

    /// A list between two failing watches is no success.
    @Test(arguments: [403, 410, nil] as [Int?])
    func watchesThatFailAfterEveryListWaitLongerAndLonger(_ status: Int?) {
        var state = PodWatchState()
        var waits: [Int64] = []
        for _ in 0..<12 {
            _ = state.received(PodPage(pods: [], resourceVersion: "1"), spread: 1)
            #expect(state.waitMilliseconds == 0, "the watch begins at once")
            state.failed(status: status, spread: 1)
            waits.append(state.waitMilliseconds)
        }
        #expect(waits.last == 30_000 && waits.dropFirst().allSatisfy { $0 > 0 })
        _ = state.received(PodPage(pods: [], resourceVersion: "1"), spread: 1)
        state.heard(upTo: "2")
        state.failed(status: status, spread: 1)
        #expect(state.failures == 1)
    }

    /// A balancer that cuts quiet connections every minute is no outage.
    @Test func watchesThatLastedBeforeTheyBrokeAreNoRow() {
        var state = PodWatchState()
        for _ in 0..<10 {
            _ = state.received(PodPage(pods: [], resourceVersion: "1"), spread: 1)
            state.failed(status: nil, wasUseful: true, spread: 1)
            #expect(state.failures == 1 && state.waitMilliseconds == 250)
        }
    }

    @Test func pagesThatFailAfterTheFirstWaitLongerAndLonger() {
        var state = PodWatchState()
        var waits: [Int64] = []
        for _ in 0..<12 {
            _ = state.received(PodPage(pods: [], resourceVersion: "1", continuation: "next"), spread: 1)
            state.failed(status: 410, spread: 1)
            waits.append(state.waitMilliseconds)
        }
        #expect(waits.first == 0 && waits.last == 30_000)
    }

    @Test func aListWithoutEndIsGivenUp() {
        var state = PodWatchState()
        let pod = Pod(reference: PodReference(namespace: "n", name: "a", uid: "a"))
        var pages = 0
        while state.failures == 0, pages < 2_000 {
            #expect(state.received(PodPage(pods: [pod], resourceVersion: "1", continuation: "next"), spread: 0) == nil)
            pages += 1
        }
        #expect(pages == 1_000 && state.step == PodWatchTests.list)
    }

    @Test func linesAreCutWhereverThePiecesEnd() throws {
        let text = Array("{\"a\":1}\r\n\n{\"b\":2}\n{\"c\"".utf8)
        for cut in 0...text.count {
            var lines = WatchLines()
            var found: [[UInt8]] = []
            for piece in [text[..<cut], text[cut...]] {
                let taken = piece.withUnsafeBytes { lines.take($0) }
                found += try #require(taken)
            }
            #expect(found.map { String(decoding: $0, as: UTF8.self) } == ["{\"a\":1}", "{\"b\":2}"])
        }
    }

    @Test func aLineWithoutEndIsGivenUp() {
        var lines = WatchLines(bytesMax: 4)
        let taken = Array("12345".utf8).withUnsafeBytes { lines.take($0) }
        #expect(taken == nil)
    }

    @Test func eventsAreRead() {
        func event(_ text: String) -> PodWatchEvent { PodWatchEvent(json: Array(text.utf8)) }
        let object = """
            {"metadata":{"name":"a","namespace":"n","uid":"u","resourceVersion":"5","labels":{"l":"1"},"annotations":null,\
            "creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{"containers":[{"ports":[{"name":"api","containerPort":1},\
            {"containerPort":2}]}]},"status":{"phase":"Running","podIP":"10.0.0.1","conditions":[{"type":"Ready",\
            "status":"True"}]}}
            """
        let pod = Pod(
            reference: PodReference(namespace: "n", name: "a", uid: "u"),
            labels: ["l": "1"],
            address: "10.0.0.1",
            namedPorts: ["api": 1],
            created: "2026-01-01T00:00:00Z",
            version: 5
        )
        #expect(event("{\"type\":\"ADDED\",\"object\":\(object)}") == .applied(pod, resourceVersion: "5"))
        #expect(event("{\"type\":\"MODIFIED\",\"object\":\(object)}") == .applied(pod, resourceVersion: "5"))
        #expect(event("{\"type\":\"DELETED\",\"object\":\(object)}") == .deleted(pod, resourceVersion: "5"))
        #expect(
            event("{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"9\"}}}")
                == .bookmark(resourceVersion: "9")
        )
        #expect(
            event("{\"type\":\"ERROR\",\"object\":{\"code\":410,\"message\":\"old\"}}")
                == .failed(status: 410, message: "old")
        )
        for bad in [
            "", "{}", "[]", "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}", "{\"type\":\"NEW\"}",
        ] {
            guard case .unreadable = event(bad) else {
                Issue.record("\(bad) was read")
                continue
            }
        }
    }

    @Test func oneBadPodHarmsNoOtherOne() throws {
        let text = """
            {"kind":"PodList","metadata":{"resourceVersion":"7","continue":""},"items":[{"metadata":{"name":"a","uid":"u"}},\
            {"metadata":{"name":5}},{"metadata":{"name":"b"}},7,\
            {"metadata":{"name":"odd","uid":"o","annotations":{"signalbox.dev/weight":"2","other":"x"}},"spec":7,"status":[]}]}
            """
        let page = try #require(PodPage(json: Array(text.utf8)))
        #expect(page.pods.map(\.reference.name) == ["a", "odd"] && page.unreadable == 3)
        // Who it is, is known; what is odd counts as missing, and what nobody reads is not kept.
        #expect(page.pods[1].phase == "Unknown" && page.pods[1].annotations == ["signalbox.dev/weight": "2"])
        #expect(page.resourceVersion == "7" && page.continuation == nil)
        #expect(PodPage(json: Array(#"{"kind":"PodList","metadata":{},"items":null}"#.utf8))?.pods == [])
    }

    /// Taken as an empty list, it would end every worker.
    @Test(arguments: [
        "[]", "{}", #"{"metadata":{},"items":[]}"#, #"{"kind":"PodList","metadata":{}}"#,
        #"{"kind":"NodeList","metadata":{},"items":[]}"#, #"{"kind":"Status","metadata":{},"code":503}"#,
        #"{"kind":null,"metadata":{},"items":[]}"#,
    ])
    func whatIsNoListOfPodsIsNoEmptyOne(_ text: String) {
        #expect(PodPage(json: Array(text.utf8)) == nil)
    }
}
