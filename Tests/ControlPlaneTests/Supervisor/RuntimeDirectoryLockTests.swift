import Glibc
import Testing

@testable import Supervisor

@Suite struct RuntimeDirectoryLockTests {
    private func temporaryDirectory() -> String { "/tmp/signalbox-\(UInt32.random(in: 0...UInt32.max))" }

    @Test("The directory is made for its user alone and held until the lock ends")
    func exclusive() throws {
        let directory = temporaryDirectory()
        defer {
            unlink("\(directory)/launch.lock")
            rmdir(directory)
        }
        do {
            let lock = try RuntimeDirectoryLock(directory: directory)
            #expect(fileMode(directory) == 0o700)
            let error = #expect(throws: LaunchError.self) { _ = try RuntimeDirectoryLock(directory: directory) }
            #expect(error?.exitStatus == 75)
            #expect(error?.message.contains("--runtime-dir") == true)
            #expect(error?.message.contains("process \(getpid())") == true)
            _ = consume lock
        }
        _ = try RuntimeDirectoryLock(directory: directory)
    }

    @Test("A path too long for a Unix socket is refused before anything is made")
    func longPath() {
        let directory = "/tmp/" + String(repeating: "a", count: 100)
        let error = #expect(throws: LaunchError.self) { _ = try RuntimeDirectoryLock(directory: directory) }
        #expect(error?.exitStatus == 73)
        #expect(error?.message.contains("--runtime-dir") == true)
        #expect(access(directory, F_OK) != 0)
    }

    @Test("A directory that cannot be made is refused")
    func impossible() {
        let error = #expect(throws: LaunchError.self) { _ = try RuntimeDirectoryLock(directory: "/proc/signalbox") }
        #expect(error?.exitStatus == 73)
    }
}
