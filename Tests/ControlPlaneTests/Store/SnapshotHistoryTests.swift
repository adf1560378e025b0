import ControlPlaneCore
import SignalboxProtocol
import Testing

@testable import ControlPlane

@Suite("The history of snapshots")
struct SnapshotHistoryTests {
    private let folder: TemporaryFolder
    private let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(path: folder.file("signalbox.db"))
    }

    private func publish() throws -> EncodedSnapshot {
        let snapshot = try store.snapshot()
        let encoded = try EncodedSnapshot(snapshot)
        try store.recordSnapshots([SnapshotNote(encoded, of: snapshot)])
        return encoded
    }

    @Test("keeps digest and summary of all, and the newest twenty whole")
    func documents() async throws {
        for port in 1...25 {
            let registration = try WorkerRegistration(url: "http://h:\(port)", source: .api)
            _ = try await store.addWorker(registration, origin: .commandLine)
            _ = try publish()
        }
        let records = try await store.snapshotRecords(limit: 100)
        #expect(records.map(\.version.sequence) == (1...25).reversed())
        #expect(records.first?.workers == 25)
        #expect(try await store.snapshotRecord(sequence: 5)?.document == nil)
        #expect(try await store.snapshotRecord(sequence: 6)?.document != nil)
        #expect(try await store.snapshotRecord(sequence: 26) == nil)
    }

    @Test("keeps a document so that its digest can be checked")
    func digest() async throws {
        let encoded = try publish()
        let record = try #require(try await store.snapshotRecord(sequence: 0))
        let document = try #require(record.document)
        #expect(SnapshotDigest(of: Array("\(document)\n".utf8)).description == record.digest)
        #expect(record.digest == encoded.header.digest.description)
    }

    @Test("notes the same snapshot once, and is no change itself")
    func once() async throws {
        _ = try publish()
        _ = try publish()
        #expect(try await store.snapshotRecords(limit: 10).count == 1)
        #expect(try await store.version().sequence == 0)
    }

    @Test("holds the same bytes for the same rows")
    func deterministic() throws {
        #expect(try EncodedSnapshot(store.snapshot()) == EncodedSnapshot(store.snapshot()))
    }
}
