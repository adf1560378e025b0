import SignalboxProtocol
import Testing

@testable import ControlPlaneCore

@Suite("The reconciliation with --worker-urls")
struct CommandLineReconciliationTests {
    private func listed(_ urls: String...) throws -> [WorkerRegistration] {
        try urls.map { try WorkerRegistration(url: $0, source: .cli) }
    }

    private func worker(_ url: String, _ source: WorkerSource) throws -> Worker {
        var generator = SystemRandomNumberGenerator()
        return Worker(
            id: .random(using: &generator),
            incarnation: .random(using: &generator),
            url: try WorkerURL(url),
            urlGiven: url,
            source: source,
            addedAt: 0
        )
    }

    @Test("adds what is new in the order of the flag and removes cli workers that are not listed")
    func plan() throws {
        let kept = try worker("http://a:1", .cli)
        let gone = try worker("http://b:1", .cli)
        let foreign = try worker("http://c:1", .api)
        let plan = CommandLineReconciliation(
            listed: try listed("http://z:1", "http://a:1/", "http://d:1"),
            registered: [kept, gone, foreign]
        )
        #expect(plan.added.map(\.urlGiven) == ["http://z:1", "http://d:1"])
        #expect(plan.removed == [gone])
    }

    @Test("adds a worker once that the flag lists twice in different words")
    func duplicates() throws {
        let plan = CommandLineReconciliation(listed: try listed("http://a:80", "HTTP://A"), registered: [])
        #expect(plan.added.map(\.urlGiven) == ["http://a:80"])
    }

    @Test("leaves a worker of the API alone when the flag lists it too")
    func listedForeign() throws {
        let foreign = try worker("http://a:1", .api)
        let plan = CommandLineReconciliation(listed: try listed("http://a:1"), registered: [foreign])
        #expect(plan.added.isEmpty)
        #expect(plan.removed.isEmpty)
    }
}
