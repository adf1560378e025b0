import ControlPlaneCore
import GRDB
import SignalboxProtocol
import Testing

@testable import ControlPlane

@Suite("The models that stay known without a worker")
struct StoreKnownModelsTests {
    private func add(_ number: Int, _ model: String?, to store: Store) async throws -> Worker {
        var registration = try WorkerRegistration(url: "http://worker-\(number):30000", source: .api)
        registration.modelGiven = model
        return try await store.addWorker(registration, firstReadyAt: 1, origin: .commandLine).value
    }

    private func known(_ store: Store) throws -> [String] {
        try store.snapshot().models.filter { $0.wasServed == true }.map(\.model)
    }

    @Test("Nothing is remembered while all workers serve the same")
    func uniform() async throws {
        let folder = try TemporaryFolder()
        let store = try Store(path: folder.file("signalbox.db"))
        _ = try await add(1, "a", to: store)
        _ = try await add(2, "a", to: store)
        _ = try await add(3, nil, to: store)
        #expect(try store.snapshot().models.isEmpty)
        #expect(try await store.fleetModels().value == [FleetModel(name: "a", workers: 2, isKnown: false)])
    }

    @Test("Both models are remembered once workers differ, also without workers and in the next process")
    func remembered() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("signalbox.db")
        do {
            let store = try Store(path: path)
            _ = try await add(1, "a", to: store)
            let second = try await add(2, "b", to: store)
            #expect(try known(store) == ["a", "b"])
            _ = try await store.removeWorker(.id(second.id), origin: .commandLine)
            #expect(try known(store) == ["a", "b"])
        }
        let store = try Store(path: path)
        #expect(try known(store) == ["a", "b"])
        #expect(
            try await store.fleetModels().value == [
                FleetModel(name: "a", workers: 1, isKnown: true), FleetModel(name: "b", workers: 0, isKnown: true),
            ]
        )
    }

    @Test("A worker that says its models later counts from then on, and so does one whose removal is taken back")
    func later() async throws {
        let folder = try TemporaryFolder()
        let store = try Store(path: folder.file("signalbox.db"))
        let first = try await add(1, nil, to: store)
        let second = try await add(2, "b", to: store)
        _ = try await store.drainWorker(.id(second.id), .milliseconds(60_000), origin: .commandLine)
        let models = DiscoveredModels(cards: [ModelCard(id: "a", card: "{}")])
        _ = try await store.recordModels(first.incarnation, models)
        #expect(try known(store) == [])
        _ = try await store.activateWorker(.id(second.id), origin: .commandLine)
        #expect(try known(store) == ["a", "b"])
    }

    @Test("A model is forgotten by order, as a change of its own, when nobody serves it")
    func forgotten() async throws {
        let folder = try TemporaryFolder()
        let store = try Store(path: folder.file("signalbox.db"))
        _ = try await add(1, "a", to: store)
        let second = try await add(2, "b", to: store)
        await #expect(throws: StoreError.modelServed("b", workers: 1)) {
            try await store.forgetModel("b", origin: .commandLine)
        }
        let removed = try await store.removeWorker(.id(second.id), origin: .commandLine)
        let version = try await store.forgetModel("b", origin: .commandLine)
        #expect(version.sequence == removed.version.sequence + 1)
        #expect(try known(store) == ["a"])
        await #expect(throws: StoreError.modelNotKnown("b")) {
            try await store.forgetModel("b", origin: .commandLine)
        }
    }

    @Test("What was seen longest ago makes way")
    func bounded() async throws {
        let folder = try TemporaryFolder()
        let store = try Store(path: folder.file("signalbox.db"))
        _ = try await add(1, "model-0", to: store)
        let worker = try await add(2, nil, to: store)
        let cards = (1...Store.knownModelsMax).map { ModelCard(id: "model-\($0)", card: "{}") }
        _ = try await store.recordModels(worker.incarnation, DiscoveredModels(cards: cards))
        #expect(try known(store).count == Store.knownModelsMax)
        #expect(try store.snapshot().violations().isEmpty)
        // What is served stays, whatever comes and goes beside it.
        for round in 1...3 {
            let fresh = (1...400).map { ModelCard(id: "round-\(round)-\($0)", card: "{}") }
            _ = try await store.recordModels(worker.incarnation, DiscoveredModels(cards: fresh))
        }
        #expect(try known(store).count == Store.knownModelsMax)
        #expect(try known(store).contains("model-0") && known(store).contains("round-3-400"))
    }

    @Test("Names that no database can keep are not remembered, and keep nobody from being added")
    func unusable() async throws {
        let folder = try TemporaryFolder()
        let store = try Store(path: folder.file("signalbox.db"))
        _ = try await add(1, "", to: store)
        _ = try await add(2, "a", to: store)
        _ = try await add(3, "b\u{0}c", to: store)
        _ = try await add(4, String(repeating: "d", count: 513), to: store)
        #expect(try known(store) == ["a"])
    }

    @Test("Workers of other roles take no requests and make no model known")
    func roles() async throws {
        let folder = try TemporaryFolder()
        let store = try Store(path: folder.file("signalbox.db"))
        _ = try await add(1, "a", to: store)
        var prefill = try WorkerRegistration(url: "http://worker-2:30000", source: .api)
        prefill.modelGiven = "b"
        prefill.role = .prefill
        _ = try await store.addWorker(prefill, firstReadyAt: 1, origin: .commandLine)
        #expect(try known(store) == [])
        #expect(try await store.fleetModels().value == [FleetModel(name: "a", workers: 1, isKnown: false)])
    }

    @Test("Two Unicode forms of one name are one model, so that the snapshot stays valid")
    func forms() async throws {
        let folder = try TemporaryFolder()
        let store = try Store(path: folder.file("signalbox.db"))
        _ = try await add(1, "caf\u{E9}", to: store)
        _ = try await add(2, "other", to: store)
        _ = try await add(3, "cafe\u{301}", to: store)
        #expect(try known(store).count == 2)
        #expect(try known(store).contains { $0.utf8.elementsEqual("caf\u{E9}".utf8) })
        let policy = PolicyConfiguration(name: .random)
        await #expect(throws: StoreError.self) {
            try await store.setPolicy(policy, model: "cafe\u{301}", origin: .commandLine)
        }
        _ = try await store.setPolicy(policy, model: "caf\u{E9}", origin: .commandLine)
        #expect(try store.snapshot().violations().isEmpty)
    }

    @Test("A database of before remembers the models of workers that differ")
    func migration() async throws {
        for (second, expected) in [("b", ["a", "b"]), ("a", [])] {
            let folder = try TemporaryFolder()
            let path = folder.file("old.db")
            do {
                let store = try Store(path: path)
                _ = try await add(1, "a", to: store)
                _ = try await add(2, second, to: store)
                try await store.database.write { database in
                    try database.execute(sql: "DROP TABLE known_model")
                    try database.execute(sql: "DELETE FROM grdb_migrations WHERE identifier LIKE '7 %'")
                }
            }
            #expect(try known(try Store(path: path)) == expected)
        }
    }
}
