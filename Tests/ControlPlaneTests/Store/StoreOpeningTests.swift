import Foundation
import GRDB
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
}
