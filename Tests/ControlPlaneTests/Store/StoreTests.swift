import ControlPlaneCore
import Foundation
import GRDB
import SignalboxProtocol
import Testing

@testable import ControlPlane

@Suite("The store", .timeLimit(.minutes(1)))
struct StoreTests {
    private let folder: TemporaryFolder
    private let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(path: folder.file("signalbox.db"))
    }

    private func registration(_ url: String, _ source: WorkerSource = .api) throws -> WorkerRegistration {
        try WorkerRegistration(url: url, source: source)
    }

    private let origin = AuditOrigin(actor: .api, sourceAddress: "10.0.0.7", requestID: "r-1")

    @Test("registers many workers of pods at once; one that is there already harms no other and leaves nothing")
    func manyAtOnce() async throws {
        func pod(_ uid: String, _ url: String) throws -> WorkerRegistration {
            let worker = PodWorker(url: try WorkerURL(url))
            return WorkerRegistration(worker, of: PodReference(namespace: "n", name: uid, uid: uid))
        }
        let first = try await store.addWorkers([try pod("a", "http://h:1")], firstReadyAt: nil, origin: .kubernetes)
        #expect(first.count == 1)
        // The same URL, the same pod at another URL, and one that is new.
        let results = try await store.addWorkers(
            [try pod("b", "http://h:1"), try pod("a", "http://h:2"), try pod("c", "http://h:3")],
            firstReadyAt: nil,
            origin: .kubernetes
        )
        let isAdded = results.map { result in if case .success = result { true } else { false } }
        #expect(isAdded == [false, false, true])
        #expect(try await store.workers().map(\.pod?.uid) == ["a", "c"])
        #expect(try await store.audit(before: nil, limit: 10).count == 2)
    }

    @Test("keeps what holds a worker, without a version or an audit row, until it is released")
    func holds() async throws {
        let first = try await store.addWorker(try registration("http://h:1"), origin: origin).value
        let second = try await store.addWorker(try registration("http://h:2"), origin: origin).value
        let version = try store.snapshot().version
        let hold = HealthHold(since: 17, reason: "Its pod n/p: It is not ready.")
        try await store.recordHolds([first.incarnation: hold, second.incarnation: nil])
        var change = WorkerChange()
        change.weight = 3
        _ = try await store.updateWorker(.id(first.id), change, origin: origin)
        #expect(try await store.workers().map(\.hold) == [hold, nil])
        #expect(try store.snapshot().version.sequence == version.sequence + 1)
        try await store.recordHolds([first.incarnation: nil])
        #expect(try await store.workers().map(\.hold) == [nil, nil])
        #expect(try await store.audit(before: nil, limit: 10).count == 3)
    }

    @Test("commits a change, its audit row and the next sequence together")
    func oneTransaction() async throws {
        let added = try await store.addWorker(try registration("http://h:1"), origin: origin)
        #expect(added.version == SnapshotVersion(epoch: store.epoch, sequence: 1))
        let entries = try await store.audit(before: nil, limit: 10)
        #expect(entries.count == 1)
        #expect(entries.first?.version == added.version)
        #expect(entries.first?.actor == "api")
        #expect(entries.first?.sourceAddress == "10.0.0.7")
        #expect(entries.first?.requestID == "r-1")
        #expect(entries.first?.action == "worker.added")
        #expect(entries.first?.before == nil)
        #expect(try entries.first?.after.map(JSONText.text) == JSONText.text(added.value.auditValue))
        #expect(try store.snapshot().version == added.version)
    }

    @Test("keeps nothing of a change whose audit row cannot be written")
    func atomicity() async throws {
        try await store.database.write { database in
            try database.execute(
                sql: "CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'broken'); END"
            )
        }
        let registration = try registration("http://h:1")
        await #expect(throws: DatabaseError.self) { try await store.addWorker(registration, origin: origin) }
        await #expect(throws: DatabaseError.self) {
            try await store.setPolicy(PolicyConfiguration(name: .random), model: nil, origin: origin)
        }
        await #expect(throws: DatabaseError.self) {
            try await store.setSettings(SettingsChange([.queueTimeoutMilliseconds: .number(1)]), origin: origin)
        }
        #expect(try await store.workers().isEmpty)
        #expect(try await store.version().sequence == 0)
        #expect(try store.snapshot().policy == PolicyConfiguration())
        #expect(try store.snapshot().settings == RoutingSettings())
    }

    @Test("refuses to change or delete audit rows, whoever tries")
    func appendOnly() async throws {
        _ = try await store.addWorker(try registration("http://h:1"), origin: origin)
        for statement in ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"] {
            await #expect(throws: DatabaseError.self) {
                try await store.database.write { try $0.execute(sql: statement) }
            }
        }
        #expect(try await store.audit(before: nil, limit: 10).count == 1)
    }

    @Test("refuses to let the sequence go back")
    func sequenceGoesForward() async throws {
        _ = try await store.addWorker(try registration("http://h:1"), origin: origin)
        await #expect(throws: DatabaseError.self) {
            try await store.database.write { try $0.execute(sql: "UPDATE meta SET sequence = 0") }
        }
    }

    @Test("keeps epoch, sequence and workers over a reopening")
    func reopening() async throws {
        let added = try await store.addWorker(try registration("http://h:1"), origin: origin)
        try store.close()
        let again = try Store(path: folder.file("signalbox.db"))
        #expect(again.epoch == store.epoch)
        #expect(try await again.version() == added.version)
        #expect(try await again.workers() == [added.value])
    }

    @Test("has a new epoch in a new file")
    func newEpoch() throws {
        #expect(try Store(path: folder.file("other.db")).epoch != store.epoch)
    }

    @Test("commits to disk before it returns: WAL with synchronous FULL")
    func durability() async throws {
        let (mode, synchronous) = try await store.database.writeWithoutTransaction { database in
            (
                try String.fetchOne(database, sql: "PRAGMA journal_mode"),
                try Int.fetchOne(database, sql: "PRAGMA synchronous")
            )
        }
        #expect(mode == "wal")
        #expect(synchronous == 2)
    }

    @Test("registers one worker for all spellings of a URL")
    func duplicates() async throws {
        let first = try await store.addWorker(try registration("http://host"), origin: origin)
        let second = try registration("HTTP://Host:80/")
        await #expect(throws: StoreError.workerExists(first.value.id)) {
            try await store.addWorker(second, origin: origin)
        }
        #expect(try await store.version().sequence == 1)
    }

    @Test("gives a worker that is added again a new id and incarnation, and keeps the order of addition")
    func addedAgain() async throws {
        let first = try await store.addWorker(try registration("http://a:1"), origin: origin)
        _ = try await store.addWorker(try registration("http://b:1"), origin: origin)
        _ = try await store.removeWorker(.id(first.value.id), origin: origin)
        let again = try await store.addWorker(try registration("http://a:1"), origin: origin)
        #expect(again.value.id != first.value.id)
        #expect(again.value.incarnation != first.value.incarnation)
        #expect(try await store.workers().map(\.urlGiven) == ["http://b:1", "http://a:1"])
    }

    @Test("makes neither a version nor an audit row for a change without effect")
    func noEffect() async throws {
        let added = try await store.addWorker(try registration("http://h:1"), origin: origin)
        let change = try WorkerChange(body: .object(["weight": .integer(1)]))
        let updated = try await store.updateWorker(.id(added.value.id), change, origin: origin)
        #expect(!updated.isChange)
        let policy = try await store.setPolicy(PolicyConfiguration(), model: nil, origin: origin)
        #expect(!policy.isChange)
        let same = try SettingsChange([.queueTimeoutMilliseconds: .number(60_000)])
        let settings = try await store.setSettings(same, origin: origin)
        #expect(!settings.isChange)
        #expect(try await store.version() == added.version)
        #expect(try await store.audit(before: nil, limit: 10).count == 1)
    }

    @Test("stores readiness once and only for a registered incarnation")
    func readiness() async throws {
        let added = try await store.addWorker(try registration("http://h:1"), origin: origin)
        let models = DiscoveredModels(cards: [ModelCard(id: "m", card: #"{"id":"m"}"#)])
        let ready = try await store.recordReady(added.value.incarnation, at: 5, models: models)
        #expect(ready?.isChange == true)
        #expect(try store.snapshot().workers.first?.wasReady == true)
        #expect(try store.snapshot().workers.first?.models == models.cards)
        let again = try await store.recordReady(added.value.incarnation, at: 9, models: models)
        #expect(again?.isChange == false)
        _ = try await store.removeWorker(.id(added.value.id), origin: origin)
        #expect(try await store.recordReady(added.value.incarnation, at: 9, models: nil) == nil)
        #expect(try await store.recordModels(added.value.incarnation, models) == nil)
    }

    @Test("makes the cli workers those of the command line and says why one went")
    func reconciliation() async throws {
        _ = try await store.addWorker(try registration("http://api:1"), origin: origin)
        let listed = [try registration("http://a:1", .cli), try registration("http://b:1", .cli)]
        _ = try await store.reconcileCommandLineWorkers(listed)
        let before = try await store.workers()
        #expect(before.map(\.urlGiven) == ["http://api:1", "http://a:1", "http://b:1"])
        _ = try await store.reconcileCommandLineWorkers([listed[1], try registration("http://c:1", .cli)])
        let workers = try await store.workers()
        let after = workers.filter { $0.intent == .active }
        #expect(after.map(\.urlGiven) == ["http://api:1", "http://b:1", "http://c:1"])
        #expect(after[1].incarnation == before[2].incarnation)
        #expect(workers.filter { $0.intent == .draining }.map(\.urlGiven) == ["http://a:1"])
        let removal = try await store.audit(before: nil, limit: 10).first { $0.action == "worker.draining" }
        #expect(removal?.actor == "cli")
        guard case .object(let fields) = removal?.after else {
            Issue.record("the audit row says nothing")
            return
        }
        #expect(fields["reason"] == .string("no longer listed by --worker-urls"))
    }

    @Test("pages through the audit trail, newest first")
    func auditPages() async throws {
        for port in 1...5 { _ = try await store.addWorker(try registration("http://h:\(port)"), origin: origin) }
        let first = try await store.audit(before: nil, limit: 2)
        #expect(first.map(\.id) == [5, 4])
        #expect(try await store.audit(before: 4, limit: 10).map(\.id) == [3, 2, 1])
    }

    @Test("gives every one of many concurrent changes a version of its own")
    func concurrency() async throws {
        let store = store
        let versions = try await withThrowingTaskGroup(of: UInt64.self) { group in
            for port in 1...100 {
                let registration = try registration("http://h:\(port)")
                group.addTask { try await store.addWorker(registration, origin: .commandLine).version.sequence }
            }
            return try await group.reduce(into: Set<UInt64>()) { $0.insert($1) }
        }
        #expect(versions == Set(1...100))
        #expect(try await store.version().sequence == 100)
    }
}
