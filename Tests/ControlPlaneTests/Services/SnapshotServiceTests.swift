import ControlPlaneCore
import Logging
import SignalboxProtocol
import Testing

@testable import ControlPlane

@Suite("The snapshot service", .timeLimit(.minutes(1)))
struct SnapshotServiceTests {
    private let folder: TemporaryFolder
    private let store: Store
    private let history: SnapshotHistory
    private let service: SnapshotService

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(path: folder.file("signalbox.db"))
        history = SnapshotHistory(store: store, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        service = SnapshotService(
            store: store,
            health: FleetHealth(panicPercent: 50, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }),
            loads: FleetLoads(interval: .seconds(1)),
            history: history
        )
    }

    private func addWorker(_ port: Int) async throws {
        let registration = try WorkerRegistration(url: "http://h:\(port)", source: .api)
        _ = try await store.addWorker(registration, origin: .commandLine)
    }

    @Test("publishes exactly the version that was committed, and opens with its own digest")
    func version() async throws {
        try await addWorker(1)
        let encoded = try service.currentSnapshot()
        #expect(encoded.version == SnapshotVersion(epoch: store.epoch, sequence: 1))
        #expect(try encoded.header.open(document: encoded.document) == store.snapshot())
    }

    @Test("notes every published version, also when they come faster than they are written")
    func everyVersion() async throws {
        for port in 1...60 {
            try await addWorker(port)
            _ = try service.currentSnapshot()
        }
        history.flush()
        let records = try await store.snapshotRecords(limit: 100)
        #expect(records.map(\.version.sequence) == (1...60).reversed())
        #expect(try await store.snapshotRecord(sequence: 41)?.document != nil)
        #expect(try await store.snapshotRecord(sequence: 40)?.document == nil)
    }

    @Test("numbers health messages upwards within one run")
    func ticks() {
        let first = service.currentHealth()
        let second = service.currentHealth()
        #expect(first.run == second.run)
        #expect(first.tick < second.tick)
    }
}
