import Foundation
import SignalboxProtocol
import Testing

@testable import Telemetry

struct PeerKeyFileTests {
    private static let key = String(repeating: "k", count: 40)

    private func content(mode: Int) throws -> PeerKeyFile.Content {
        let path = FileManager.default.temporaryDirectory.appending(path: "peer-key-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data("\(Self.key)\n".utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        return try PeerKeyFile(path: path).read()
    }

    @Test("A private file is read without a word", arguments: [0o600, 0o400])
    func privateFile(mode: Int) throws {
        let content = try content(mode: mode)
        #expect(content.keys.keys == [Secret(Self.key)])
        #expect(!content.isSharedNeedlessly)
    }

    @Test("The owner may share its file with a group, and is told", arguments: [0o640, 0o440])
    func groupReadable(mode: Int) throws {
        #expect(try content(mode: mode).isSharedNeedlessly)
    }

    @Test(
        "What others may use, or a group may write, is refused",
        arguments: [0o604, 0o602, 0o601, 0o620, 0o660, 0o644]
    )
    func exposed(mode: Int) {
        #expect(throws: PeerKeyError.self) { try content(mode: mode) }
    }

    @Test("A secret of Kubernetes belongs to root and is read by the group of the pod")
    func kubernetes() throws {
        #expect(try PeerKeyFile.isOwn(owner: 0, mode: 0o440, reader: 1_000) == false)
        #expect(try PeerKeyFile.isOwn(owner: 1_000, mode: 0o440, reader: 1_000))
        #expect(throws: PeerKeyError.self) { try PeerKeyFile.isOwn(owner: 1_001, mode: 0o440, reader: 1_000) }
        #expect(throws: PeerKeyError.self) { try PeerKeyFile.isOwn(owner: 0, mode: 0o460, reader: 1_000) }
        #expect(throws: PeerKeyError.self) { try PeerKeyFile.isOwn(owner: 0, mode: 0o444, reader: 1_000) }
    }

    @Test("What is no file, or too long, is refused")
    func noFile() throws {
        #expect(throws: PeerKeyError.self) { try PeerKeyFile(path: "/nonexistent").read() }
        #expect(throws: PeerKeyError.self) { try PeerKeyFile(path: "/").read() }
        let path = FileManager.default.temporaryDirectory.appending(path: "peer-key-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(repeating: 0x6B, count: PeerKeyLines.fileBytesMax + 1).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        #expect(throws: PeerKeyError.self) { try PeerKeyFile(path: path).read() }
    }
}
