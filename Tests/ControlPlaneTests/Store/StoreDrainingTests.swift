import ControlPlaneCore
import GRDB
import SignalboxProtocol
import Testing

@testable import ControlPlane

@Suite("A worker that drains, in the store")
struct StoreDrainingTests {
    private let folder: TemporaryFolder
    private let store: Store
    private let origin = AuditOrigin(actor: .api)

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(path: folder.file("signalbox.db"))
    }

    private func add(_ url: String) async throws -> Worker {
        try await store.addWorker(WorkerRegistration(url: url, source: .api), firstReadyAt: 1, origin: origin).value
    }

    @Test("keeps its row, its deadline and its version, and is published as draining, then as cut")
    func life() async throws {
        let worker = try await add("http://a:1")
        let draining = try await store.drainWorker(.id(worker.id), .milliseconds(5_000), origin: origin)
        let drain = try #require(draining.value.drain)
        #expect(drain.deadline - drain.beganAt == 5_000)
        #expect(drain.sequence == draining.version.sequence)
        #expect(try store.snapshot().workers.map(\.intent) == [.draining])
        #expect(try store.snapshot().workers.map(\.isCut) == [false])
        let again = try await store.drainWorker(.id(worker.id), .standard, origin: origin)
        #expect(!again.isChange)
        let cut = try #require(try await store.cutWorker(worker.incarnation, drain.sequence, reason: "late"))
        #expect(cut.isChange && cut.value.drain?.sequence == cut.version.sequence)
        #expect(try store.snapshot().workers.map(\.isCut) == [true])
        let cutSequence = cut.version.sequence
        #expect(try await store.removeDrained(worker.incarnation, drain.sequence, reason: "early") == nil)
        #expect(try await store.removeDrained(worker.incarnation, cutSequence, reason: "done") != nil)
        #expect(try await store.removeDrained(worker.incarnation, cutSequence, reason: "done") == nil)
        #expect(try store.snapshot().workers.isEmpty)
        let audit = try await store.audit(before: nil, limit: 10)
        #expect(audit.map(\.action) == ["worker.removed", "worker.cut", "worker.draining", "worker.added"])
        #expect(audit.map(\.actor) == ["control-plane", "control-plane", "api", "api"])
    }

    @Test("has the standard time of the settings, and none when it is forced")
    func time() async throws {
        let change = try SettingsChange([.drainTimeoutMilliseconds: .number(7_000)])
        _ = try await store.setSettings(change, origin: origin)
        let first = try await add("http://a:1")
        let drain = try await store.drainWorker(.id(first.id), .standard, origin: origin).value.drain
        #expect(drain.map { $0.deadline - $0.beganAt } == 7_000)
        let second = try await add("http://b:1")
        let forced = try await store.drainWorker(.id(second.id), .none, origin: origin).value.drain
        #expect(forced?.cutAt != nil && forced?.deadline == forced?.beganAt)
        #expect(try await store.drainWorker(.id(first.id), .none, origin: origin).value.drain?.cutAt != nil)
    }

    @Test("leaves its URL free for a new incarnation, which its references then mean")
    func newIncarnation() async throws {
        let old = try await add("http://a:1")
        let drain = try await store.drainWorker(.id(old.id), .standard, origin: origin).version.sequence
        #expect(try await store.worker(.url(old.url))?.value.id == old.id)
        let new = try await add("http://a:1")
        #expect(new.incarnation != old.incarnation)
        #expect(try await store.worker(.url(old.url))?.value.id == new.id)
        #expect(try store.snapshot().violations().isEmpty)
        await #expect(throws: StoreError.workerExists(new.id)) { try await self.add("http://a:1") }
        _ = try await store.removeDrained(old.incarnation, drain, reason: "done")
        #expect(try await store.workers().map(\.id) == [new.id])
    }

    @Test("is the same worker again when its removal is taken back, and drains anew by a new version")
    func activation() async throws {
        let worker = try await add("http://a:1")
        #expect(try await !store.activateWorker(.id(worker.id), origin: origin).isChange)
        let first = try await store.drainWorker(.id(worker.id), .milliseconds(5_000), origin: origin).version.sequence
        let cut = try await store.cutWorker(worker.incarnation, first, reason: "late")?.version.sequence ?? 0
        let active = try await store.activateWorker(.url(worker.url), origin: origin)
        #expect(active.isChange && active.value == worker)
        #expect(try store.snapshot().workers.map(\.intent) == [.active])
        #expect(try store.snapshot().workers.map(\.isCut) == [false])
        #expect(try await store.cutWorker(worker.incarnation, cut, reason: "late") == nil)
        #expect(try await store.removeDrained(worker.incarnation, cut, reason: "done") == nil)
        #expect(try await store.audit(before: nil, limit: 1).map(\.action) == ["worker.activated"])
        let again = try await store.drainWorker(.id(worker.id), .milliseconds(5_000), origin: origin)
        #expect(again.value.drain?.sequence == active.version.sequence + 1 && again.value.drain?.cutAt == nil)
        // What was decided about the first removal says nothing of the second one.
        #expect(try await store.cutWorker(worker.incarnation, first, reason: "late") == nil)
        #expect(try await store.removeDrained(worker.incarnation, cut, reason: "done") == nil)
        #expect(try await store.worker(.id(worker.id))?.value == again.value)
    }

    @Test("gets another deadline while it drains, as an audited version that makes earlier decisions void")
    func newDeadline() async throws {
        let worker = try await add("http://a:1")
        let long = try await store.drainWorker(.id(worker.id), .milliseconds(3_600_000), origin: origin)
        let short = try await store.drainWorker(.id(worker.id), .milliseconds(1_000), reason: "now", origin: origin)
        #expect(short.isChange && short.version.sequence == long.version.sequence + 1)
        let (before, drain) = (try #require(long.value.drain), try #require(short.value.drain))
        #expect(drain.deadline < before.deadline - 3_000_000 && drain.beganAt == before.beganAt)
        #expect(drain.sequence == short.version.sequence && drain.cutAt == nil)
        let entry = try await store.audit(before: nil, limit: 1).first
        #expect(entry?.action == "worker.draining" && entry?.version == short.version)
        #expect(try await store.cutWorker(worker.incarnation, before.sequence, reason: "late") == nil)
        let forced = try await store.drainWorker(.id(worker.id), .milliseconds(0), origin: origin)
        #expect(forced.isChange && forced.value.drain?.cutAt != nil)
        let late = try await store.drainWorker(.id(worker.id), .milliseconds(9_000), origin: origin)
        #expect(!late.isChange && late.value.drain == forced.value.drain)
    }

    @Test("cannot be taken back once its URL is registered anew, or it is gone, and not by a person when a pod decides")
    func noActivation() async throws {
        let old = try await add("http://a:1")
        let drain = try await store.drainWorker(.id(old.id), .standard, origin: origin).version.sequence
        let new = try await add("http://a:1")
        await #expect(throws: StoreError.workerExists(new.id)) {
            try await store.activateWorker(.id(old.id), origin: origin)
        }
        _ = try await store.removeDrained(old.incarnation, drain, reason: "done")
        await #expect(throws: StoreError.workerNotFound(.id(old.id))) {
            try await store.activateWorker(.id(old.id), origin: origin)
        }
        var registration = try WorkerRegistration(url: "http://b:1", source: .kubernetes)
        registration.pod = PodReference(namespace: "n", name: "b", uid: "u")
        let pod = try await store.addWorker(registration, origin: origin).value
        _ = try await store.drainWorker(.id(pod.id), .standard, origin: origin)
        await #expect(throws: StoreError.workerFollowsPod(pod.id)) {
            try await store.activateWorker(.id(pod.id), origin: origin)
        }
        #expect(try await store.workers().allSatisfy { $0.id != pod.id || $0.drain != nil })
    }

    @Test("of before the migration keeps everything that it had")
    func migration() async throws {
        let path = folder.file("old.db")
        let queue = try DatabaseQueue(path: path)
        try StoreSchema.migrator().migrate(queue, upTo: "3 settings of words and models")
        try await queue.write { database in
            try database.execute(
                sql: """
                    INSERT INTO worker (id, incarnation, url, url_given, source, role, weight, priority, cost, labels, models,
                        health_check, intent, added_at, first_ready_at)
                    VALUES ('00000001-0000-4000-8000-000000000000', '00000002-0000-4000-8000-000000000000', 'http://a:1',
                        'http://A:1', 'cli', 'regular', 3, 50, 1, '{"zone":"b"}', '[]', 1, 'active', 5, 6)
                    """
            )
        }
        try queue.close()
        let workers = try await Store(path: path).workers()
        #expect(workers.map(\.urlGiven) == ["http://A:1"])
        #expect(workers.first?.properties.weight == 3 && workers.first?.properties.labels == ["zone": "b"])
        #expect(workers.first?.firstReadyAt == 6 && workers.first?.drain == nil)
    }
}
