import Foundation
import Testing

@testable import ControlPlane

@Suite("The runtime directory")
struct RuntimeDirectoryTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("is created for the user alone")
    func mode() throws {
        let path = folder.file("a/b")
        _ = try RuntimeDirectory(path: path)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o700)
    }

    @Test("refuses a second control plane and names the first")
    func second() throws {
        let first = try RuntimeDirectory(path: folder.path)
        let error = try #require(throws: StartupError.self) { try RuntimeDirectory(path: folder.path) }
        #expect(error.status == .inUse)
        #expect(error.description.contains(folder.path))
        #expect(error.description.contains("process \(ProcessInfo.processInfo.processIdentifier)"))
        withExtendedLifetime(first) {}
    }

    @Test("is free again when its holder ends")
    func released() throws {
        do { _ = try RuntimeDirectory(path: folder.path) }
        _ = try RuntimeDirectory(path: folder.path)
    }

    @Test("removes sockets that an earlier process left")
    func staleSockets() throws {
        let stale = folder.file("admin.sock")
        _ = FileManager.default.createFile(atPath: stale, contents: nil)
        _ = try RuntimeDirectory(path: folder.path)
        #expect(!FileManager.default.fileExists(atPath: stale))
    }

    @Test("refuses a path that is too long for a socket and names the flag")
    func tooLong() throws {
        let path = "/tmp/\(String(repeating: "x", count: 100))"
        let error = try #require(throws: StartupError.self) { try RuntimeDirectory(path: path) }
        #expect(error.status == .cannotCreate)
        #expect(error.description.contains("--runtime-dir"))
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("refuses a file in its place")
    func fileInPlace() throws {
        let path = folder.file("file")
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        #expect(throws: StartupError.self) { try RuntimeDirectory(path: path) }
    }
}
