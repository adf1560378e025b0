import ControlPlaneCore
import GRDB
import SignalboxProtocol
import Testing

@testable import ControlPlane

@Suite("The settings in the store", .timeLimit(.minutes(1)))
struct StoreSettingsTests {
    private let folder: TemporaryFolder
    private let store: Store
    private let origin = AuditOrigin(actor: .api)

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(path: folder.file("signalbox.db"))
    }

    private func set(model: String, _ values: [String: JSONValue]) async throws -> Committed<ModelTimeouts> {
        try await store.setModelSettings(try ModelSettingsChange(body: values), model: model, origin: origin)
    }

    @Test("are kept over a reopening, numbers and words, and reach the snapshot")
    func reopening() async throws {
        let change = try SettingsChange([
            .connectionsMax: .number(7), .halfClose: .word("allow"), .forwardedFields: .word("replace"),
            .via: .word(""),
        ])
        let stored = try await store.setSettings(change, origin: origin)
        var expected = RoutingSettings()
        expected.connectionsMax = 7
        expected.halfClose = .allow
        expected.forwardedFields = .replace
        expected.via = ""
        #expect(stored.value.standard == expected)
        try store.close()
        let again = try Store(path: folder.file("signalbox.db"))
        #expect(try again.snapshot().settings == expected)
        #expect(try again.snapshot().violations().isEmpty)
    }

    @Test("keep a word that looks like a number a word")
    func numericWord() async throws {
        let stored = try await store.setSettings(SettingsChange([.via: .word("42")]), origin: origin)
        #expect(stored.value.standard.via == "42")
    }

    @Test("go back to the default, and nowhere else, when taken away")
    func reset() async throws {
        _ = try await store.setSettings(
            SettingsChange([.fieldsMax: .number(20), .halfClose: .word("allow")]),
            origin: origin
        )
        let reset = try await store.setSettings(SettingsChange([.fieldsMax: nil]), origin: origin)
        var expected = RoutingSettings()
        expected.halfClose = .allow
        #expect(reset.value.standard == expected)
    }

    @Test("show in the audit trail what they were and are, and only those that were named")
    func audit() async throws {
        _ = try await store.setSettings(
            SettingsChange([.halfClose: .word("allow"), .fieldsMax: .number(20)]),
            origin: origin
        )
        let entry = try #require(try await store.audit(before: nil, limit: 1).first)
        #expect(entry.action == "settings.set")
        #expect(entry.subject == "settings")
        #expect(entry.before == .object(["half_close": "abort", "fields_max": .integer(128)]))
        #expect(entry.after == .object(["half_close": "allow", "fields_max": .integer(20)]))
    }

    @Test("of one model join its policy in the snapshot, sorted by model")
    func models() async throws {
        _ = try await store.setPolicy(PolicyConfiguration(name: .random), model: "b", origin: origin)
        _ = try await store.setPolicy(PolicyConfiguration(name: .random), model: "c", origin: origin)
        _ = try await set(model: "b", ["queue_timeout_milliseconds": .integer(5)])
        _ = try await set(model: "a", ["request_timeout_milliseconds": .integer(9)])
        var ofA = ModelTimeouts()
        ofA.requestMilliseconds = 9
        var ofB = ModelTimeouts()
        ofB.queueMilliseconds = 5
        let random = PolicyConfiguration(name: .random)
        let expected = [
            ModelConfiguration(model: "a", timeouts: ofA),
            ModelConfiguration(model: "b", policy: random, timeouts: ofB),
            ModelConfiguration(model: "c", policy: random),
        ]
        #expect(try store.snapshot().models == expected)
        #expect(try await store.settings().value.models.map(\.model) == ["a", "b"])
        try store.close()
        #expect(try Store(path: folder.file("signalbox.db")).snapshot().models == expected)
    }

    @Test("of one model are versioned and audited, and end with null or with removal")
    func modelAudit() async throws {
        let first = try await set(model: "m", ["connect_timeout_milliseconds": .integer(5)])
        #expect(first.version.sequence == 1)
        #expect(try await set(model: "m", ["connect_timeout_milliseconds": .integer(5)]).isChange == false)
        let reset = try await set(model: "m", ["connect_timeout_milliseconds": .null])
        #expect(reset.value.isEmpty)
        #expect(try store.snapshot().models.isEmpty)
        _ = try await set(model: "m", ["connect_timeout_milliseconds": .integer(6)])
        let removed = try await store.removeModelSettings(model: "m", origin: origin)
        #expect(removed.version.sequence == 4)
        #expect(try store.snapshot().models.isEmpty)
        await #expect(throws: StoreError.settingsNotFound(model: "m")) {
            try await store.removeModelSettings(model: "m", origin: origin)
        }
        let entries = try await store.audit(before: nil, limit: 10).reversed()
        let name = "connect_timeout_milliseconds"
        #expect(entries.map(\.action) == ["settings.set", "settings.set", "settings.set", "settings.removed"])
        #expect(Set(entries.map(\.subject)) == ["model m"])
        #expect(
            entries.map(\.before)
                == [[name: .null], [name: .integer(5)], [name: .null], [name: .integer(6)]].map(JSONValue.object)
        )
        #expect(
            entries.map(\.after) == [
                .object([name: .integer(5)]), .object([name: .null]), .object([name: .integer(6)]), nil,
            ]
        )
    }

    @Test("of one model need a name of 1 to 512 bytes in one Unicode form")
    func modelNames() async throws {
        for name in ["", String(repeating: "m", count: Store.modelBytesMax + 1)] {
            await #expect(throws: StoreError.invalid(["A model's name has 1 to 512 bytes."])) {
                try await set(model: name, ["queue_timeout_milliseconds": .integer(1)])
            }
        }
        _ = try await store.setPolicy(PolicyConfiguration(), model: "caf\u{E9}", origin: origin)
        _ = try await set(model: "caf\u{E9}", ["queue_timeout_milliseconds": .integer(1)])
        await #expect(throws: StoreError.self) {
            try await set(model: "cafe\u{301}", ["queue_timeout_milliseconds": .integer(1)])
        }
        await #expect(throws: StoreError.self) {
            try await store.setPolicy(PolicyConfiguration(), model: "cafe\u{301}", origin: origin)
        }
        #expect(try store.snapshot().violations().isEmpty)
    }

    @Test("stop at a bounded number of models, which may still be changed", arguments: ["model_setting", "policy"])
    func modelsMax(table: String) async throws {
        let rows = table == "policy" ? "'model', 'm' || n, 'random', '{}'" : "'m' || n, 'queue_timeout_milliseconds', n"
        try await store.database.write { database in
            try database.execute(
                sql: """
                    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
                    INSERT INTO \(table) SELECT \(rows) FROM numbers
                    """,
                arguments: [Store.modelsMax]
            )
        }
        let set: (String) async throws -> Void = { model in
            if table == "policy" {
                _ = try await store.setPolicy(PolicyConfiguration(), model: model, origin: origin)
            } else {
                _ = try await self.set(model: model, ["queue_timeout_milliseconds": .integer(0)])
            }
        }
        let what = table == "policy" ? "a policy" : "settings"
        await #expect(
            throws: StoreError.invalid(["At most 10000 models have \(what) of their own; remove one first."])
        ) {
            try await set("one more")
        }
        try await set("m1")
        #expect(try await store.version().sequence == 1)
    }
}
