import Testing

@testable import ControlPlaneCore

@Suite("A worker's change")
struct WorkerChangeTests {
    @Test("leaves alone what it does not name")
    func partial() throws {
        let before = WorkerProperties(
            weight: 2,
            priority: 3,
            cost: 4,
            labels: ["a": "b"],
            health: WorkerHealthSettings(isEnabled: false, timeoutSeconds: 9)
        )
        #expect(try WorkerChange(body: .object([:])).applied(to: before) == before)
        var expected = before
        expected.priority = 70
        #expect(try WorkerChange(body: .object(["priority": .integer(70)])).applied(to: before) == expected)
    }

    @Test("replaces all labels")
    func labels() throws {
        let before = WorkerProperties(labels: ["a": "b"])
        let change = try WorkerChange(body: .object(["labels": .object(["c": "d"])]))
        #expect(change.applied(to: before).labels == ["c": "d"])
    }

    @Test("cannot change the URL", arguments: ["url", "model_id", "api_key", "source"])
    func fixedFields(name: String) {
        #expect(throws: WorkerFieldError.self) { try WorkerChange(body: .object([name: "x"])) }
    }
}
