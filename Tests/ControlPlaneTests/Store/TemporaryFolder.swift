import Foundation

/// A folder of one test with a short path; it is removed when the value ends.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = "/tmp/sb-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }
}
