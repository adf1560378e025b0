import ControlPlaneCore
import GRDB
import SignalboxProtocol
import Testing

@testable import ControlPlane

@Suite("The migration of a database")
struct StoreMigrationTests {
    @Test("keeps settings that were numbers only, the wait for a worker under its present name")
    func settings() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("old.db")
        let queue = try DatabaseQueue(path: path)
        try StoreSchema.migrator().migrate(queue, upTo: "2 no replacement")
        try await queue.write { database in
            try database.execute(
                sql: """
                    INSERT INTO setting (name, value)
                    VALUES ('pending_wait_milliseconds', 1234), ('payload_bytes_max', 77), ('head_timeout_milliseconds', 5)
                    """
            )
        }
        try queue.close()

        let store = try Store(path: path)
        var expected = RoutingSettings()
        expected.timeouts.queueMilliseconds = 1234
        expected.payloadBytesMax = 77
        expected.headTimeoutMilliseconds = 5
        #expect(try store.snapshot().settings == expected)
        #expect(try store.snapshot().models.isEmpty)
        let change = try SettingsChange([.queueTimeoutMilliseconds: nil, .halfClose: .word("allow")])
        let changed = try await store.setSettings(change, origin: .commandLine)
        expected.timeouts.queueMilliseconds = RequestTimeouts().queueMilliseconds
        expected.halfClose = .allow
        #expect(changed.value.standard == expected)
    }

    @Test(
        "leaves tables that take neither other kinds of values nor nameless models",
        arguments: [
            "INSERT INTO setting VALUES ('via', 1.5)", "INSERT INTO setting VALUES ('via', x'00')",
            "INSERT INTO setting VALUES ('via', NULL)", "INSERT INTO model_setting VALUES ('', 'x', 1)",
            "INSERT INTO model_setting VALUES ('m', 'x', -1)", "INSERT INTO model_setting VALUES ('m', 'x', 'word')",
        ]
    )
    func constraints(statement: String) async throws {
        let folder = try TemporaryFolder()
        let store = try Store(path: folder.file("signalbox.db"))
        await #expect(throws: DatabaseError.self) {
            try await store.database.write { try $0.execute(sql: statement) }
        }
    }
}
