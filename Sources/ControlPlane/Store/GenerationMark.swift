import FoundationEssentials
import SignalboxProtocol

/// The newest version that was published, in a small file beside the database: a database that is older than it was restored
/// from a copy, and must not give out the same versions a second time (architecture section 3).
///
/// It may lag behind after a crash, which only means that a restore of the last moments is not seen here; data planes refuse
/// what is older than what they have.
struct GenerationMark: Sendable {
    let path: String

    init(database path: String) {
        self.path = "\(path).generation"
    }

    /// Nil when there is no mark, or none that can be read.
    func read() -> SnapshotVersion? {
        guard let data = try? Data(contentsOf: URL(filePath: path)), data.count < 256 else { return nil }
        let words = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard words.count == 2, let epoch = Epoch(String(words[0])), let sequence = UInt64(words[1]) else { return nil }
        return SnapshotVersion(epoch: epoch, sequence: sequence)
    }

    /// Writes beside the file and renames.
    func write(_ version: SnapshotVersion) throws {
        try Data("\(version.epoch) \(version.sequence)\n".utf8).write(to: URL(filePath: path), options: .atomic)
    }
}
