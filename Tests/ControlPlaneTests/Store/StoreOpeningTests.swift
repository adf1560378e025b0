import ControlPlaneCore
import Foundation
import GRDB
import SignalboxProtocol
import Testing

@testable import ControlPlane

@Suite("The opening of a database")
struct StoreOpeningTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("names a file that is no database")
    func noDatabase() throws {
        let path = folder.file("text.db")
        try String(repeating: "no database ", count: 100).write(toFile: path, atomically: true, encoding: .utf8)
        let error = try #require(throws: StoreOpenError.self) { try Store(path: path) }
        #expect(error.description.hasPrefix("The database \(path) is damaged or no SQLite database"))
    }

    @Test("names a folder in place of a file")
    func folderInPlace() throws {
        let error = try #require(throws: StoreOpenError.self) { try Store(path: folder.path) }
        #expect(error.description.hasPrefix("The database \(folder.path) cannot be opened"))
    }

    @Test("refuses a database of a newer version")
    func newerVersion() throws {
        let path = folder.file("new.db")
        let store = try Store(path: path)
        try store.database.write { database in
            try database.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('9 future')")
        }
        try store.close()
        let error = try #require(throws: StoreOpenError.self) { try Store(path: path) }
        #expect(error.description.contains("newer version"))
    }

    @Test("A later version of this epoch that a data plane serves makes a new epoch, an earlier one does not")
    func renewedBySight() async throws {
        let folder = try TemporaryFolder()
        let store = try Store(path: folder.file("signalbox.db"))
        let change = try SettingsChange([.queueTimeoutMilliseconds: .number(7)])
        let now = try await store.setSettings(change, origin: .commandLine).version
        var generator = SystemRandomNumberGenerator()
        let later = SnapshotVersion(epoch: now.epoch, sequence: now.sequence + 5)
        #expect(try await !store.renewEpoch(seen: now))
        #expect(try await !store.renewEpoch(seen: SnapshotVersion(epoch: .random(using: &generator), sequence: 99)))
        #expect(try await store.renewEpoch(seen: later))
        #expect(store.epoch != now.epoch)
        #expect(try await store.version() == SnapshotVersion(epoch: store.epoch, sequence: now.sequence + 1))
        #expect(try store.snapshot().version.epoch == store.epoch)
        #expect(try await !store.renewEpoch(seen: later), "its epoch is another one now")
    }
}
