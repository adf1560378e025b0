import ControlPlaneCore
import SignalboxProtocol
import Testing

@testable import ControlPlane

@Suite("The workers service", .timeLimit(.minutes(1)))
struct WorkersServiceTests {
    private let url = "http://h:1"
    private let origin = AuditOrigin(actor: .api)

    private func registration(_ url: String) throws -> WorkerRegistration {
        try WorkerRegistration(url: url, source: .api)
    }

    @Test("stores a worker that was waited for as ready, with its models, in one version")
    func waitingAddition() async throws {
        let test = try TestPlane()
        test.beHealthy(url)
        let added = try await test.workers.addWhenHealthy(try registration(url), origin: origin)
        #expect(added.version.sequence == 1)
        #expect(added.value.firstReadyAt != nil)
        #expect(added.value.modelID == "m")
        #expect(try await test.state(url) == "ready")
    }

    @Test("stores nothing of a worker that does not become healthy in time")
    func timeout() async throws {
        let test = try TestPlane(startupTimeoutSeconds: 1)
        let registration = try registration(url)
        let error = try await #require(throws: WorkerAdditionError.self) {
            try await test.workers.addWhenHealthy(registration, origin: origin)
        }
        #expect(error.description.hasPrefix("Timeout 1s waiting for worker http://h:1 to become healthy."))
        #expect(try await test.store.version().sequence == 0)
        #expect(test.http.count("\(url)/health") > 3)
    }

    @Test("refuses a worker that another request waits for, whatever its spelling")
    func duplicateWait() async throws {
        let test = try TestPlane()
        async let first = test.workers.addWhenHealthy(try registration(url), origin: origin)
        #expect(try await eventually { test.http.count("\(url)/health") > 0 })
        for text in ["http://h:1", "HTTP://H:1/"] {
            let again = try registration(text)
            await #expect(throws: WorkerAdditionError.exists(text, nil)) {
                try await test.workers.addWhenHealthy(again, origin: origin)
            }
            await #expect(throws: WorkerAdditionError.exists(text, nil)) {
                try await test.workers.add(again, origin: origin)
            }
        }
        test.beHealthy(url)
        #expect(try await first.version.sequence == 1)
    }

    @Test("ends the wait for a worker that is removed meanwhile")
    func removedWhileWaiting() async throws {
        let test = try TestPlane()
        let registration = try registration(url)
        let addition = Task { try await test.workers.addWhenHealthy(registration, origin: origin) }
        #expect(try await eventually { test.http.count("\(url)/health") > 0 })
        let reference = try WorkerReference(url)
        await #expect(throws: StoreError.self) { try await test.workers.remove(reference, origin: origin) }
        await #expect(throws: WorkerAdditionError.cancelled(url)) { try await addition.value }
        #expect(try await test.store.workers().isEmpty)
    }

    @Test("ends all waits when the control plane stops")
    func stopping() async throws {
        let test = try TestPlane(startupTimeoutSeconds: 300)
        let registration = try registration(url)
        let addition = Task { try await test.workers.addWhenHealthy(registration, origin: origin) }
        #expect(try await eventually { test.http.count("\(url)/health") > 0 })
        test.workers.stop()
        await #expect(throws: WorkerAdditionError.cancelled(url)) { try await addition.value }
    }

    @Test("makes a worker ready that was added before it was up, as an audited change")
    func pendingBecomesReady() async throws {
        let test = try TestPlane()
        _ = try await test.workers.add(try registration(url), origin: origin)
        #expect(try await test.state(url) == "pending")
        test.beHealthy(url)
        #expect(try await eventually { try await test.state(url) == "ready" })
        let entry = try await test.store.audit(before: nil, limit: 1).first
        #expect(entry?.action == "worker.ready")
        #expect(entry?.actor == "control-plane")
        #expect(try test.store.snapshot().workers.first?.models.map(\.id) == ["m"])
    }

    @Test("never stores later changes of health")
    func healthIsNoChange() async throws {
        let test = try TestPlane()
        test.beHealthy(url)
        let version = try await test.workers.addWhenHealthy(try registration(url), origin: origin).version
        test.http.refuse("\(url)/health")
        #expect(try await eventually { try await test.state(url) == "unhealthy" })
        test.beHealthy(url)
        #expect(try await eventually { try await test.state(url) == "ready" })
        #expect(try await test.store.version() == version)
    }

    @Test("stores new models of a worker that came back")
    func newModels() async throws {
        let test = try TestPlane()
        test.beHealthy(url, model: "old")
        _ = try await test.workers.addWhenHealthy(try registration(url), origin: origin)
        test.http.refuse("\(url)/health")
        #expect(try await eventually { try await test.state(url) == "unhealthy" })
        test.beHealthy(url, model: "new")
        #expect(try await eventually { try await test.store.workers().first?.modelID == "new" })
        #expect(try await test.store.audit(before: nil, limit: 1).first?.action == "worker.models")
    }

    @Test("is not held up by a worker that hangs")
    func hangingWorker() async throws {
        let test = try TestPlane()
        test.http.hang("http://slow:1/health")
        _ = try await test.workers.add(try registration("http://slow:1"), origin: origin)
        test.beHealthy(url)
        _ = try await test.workers.add(try registration(url), origin: origin)
        #expect(try await eventually { try await test.state(url) == "ready" })
        #expect(try await test.state("http://slow:1") == "pending")
    }

    @Test("counts workers as ready at once when the health check is disabled, and learns their models later")
    func disabledHealthCheck() async throws {
        let test = try TestPlane(isHealthCheckDisabled: true)
        test.http.answer("\(url)/v1/models", body: #"{"data":[{"id":"late"}]}"#)
        let added = try await test.workers.addWhenHealthy(try registration(url), origin: origin)
        #expect(added.value.firstReadyAt != nil)
        #expect(try await test.state(url) == "ready")
        #expect(try await eventually { try await test.store.workers().first?.modelID == "late" })
        #expect(test.http.count("\(url)/health") == 0)
    }

    @Test("presumes workers ready after a restart that were ready before")
    func restart() async throws {
        let test = try TestPlane()
        test.beHealthy(url)
        _ = try await test.workers.addWhenHealthy(try registration(url), origin: origin)
        _ = try await test.workers.add(try registration("http://never:1"), origin: origin)
        test.workers.stop()
        try test.store.close()

        let again = try TestPlane(folder: test.folder)
        again.http.hang("\(url)/health")
        try await again.workers.watchAll()
        #expect(try await again.state(url) == "ready")
        #expect(try await again.state("http://never:1") == "pending")
        let observed = again.health.message().workers
        #expect(observed.map(\.state) == [.pending])
    }

    @Test("leaves a dead worker unhealthy when its health settings change, and watches it by the new ones")
    func newHealthSettings() async throws {
        let test = try TestPlane()
        test.beHealthy(url)
        let worker = try await test.workers.addWhenHealthy(try registration(url), origin: origin).value
        test.http.refuse("\(url)/health")
        #expect(try await eventually { try await test.state(url) == "unhealthy" })
        let before = try #require(test.health.observed(worker.incarnation))
        test.http.hang("\(url)/live")
        var change = WorkerChange()
        change.healthPath = "/live"
        _ = try await test.workers.update(.id(worker.id), change, origin: origin)
        #expect(test.health.message().workers.map(\.state) == [.unhealthy])
        #expect(test.health.observed(worker.incarnation)?.since == before.since)
        #expect(test.health.observed(worker.incarnation)?.reason == before.reason)
        #expect(try await eventually { test.http.count("\(url)/live") > 0 })
    }

    @Test("gives a worker back as it was observed when its removal is taken back")
    func activation() async throws {
        let test = try TestPlane()
        for url in [url, "http://dead:1"] {
            test.beHealthy(url)
            _ = try await test.workers.addWhenHealthy(try registration(url), origin: origin)
        }
        test.workers.stop()
        try test.store.close()
        // Data planes of the earlier run may still come: removals have to wait.
        let again = try TestPlane(folder: test.folder)
        again.beHealthy(url)
        try await again.workers.watchAll()
        #expect(try await eventually { try await again.state("http://dead:1") == "unhealthy" })
        #expect(try await eventually { again.health.message().workers.contains { $0.state == .ready } })
        again.http.hang("\(url)/health")
        again.http.hang("http://dead:1/health")
        for url in [url, "http://dead:1"] {
            let reference = try WorkerReference(url)
            #expect(try await again.workers.remove(reference, origin: origin).value.intent == .draining)
            #expect(try await again.workers.activate(reference, origin: origin).value.intent == .active)
        }
        #expect(try await again.state("http://dead:1") == "unhealthy")
        #expect(try await again.state(url) == "ready")
        let ready = try #require(try await again.store.worker(try WorkerReference(url))?.value.incarnation)
        #expect(again.health.observed(ready)?.health == .presumedReady)
        #expect(again.health.observed(ready)?.reason == "The worker was ready before, and is not probed yet.")
    }

    @Test("forgets what was observed of a worker once it is gone")
    func forgotten() async throws {
        let test = try TestPlane()
        test.beHealthy(url)
        let worker = try await test.workers.addWhenHealthy(try registration(url), origin: origin).value
        test.workers.stop()
        try test.store.close()
        let again = try TestPlane(folder: test.folder)
        again.http.hang("\(url)/health")
        try await again.workers.watchAll()
        _ = try await again.workers.remove(.id(worker.id), origin: origin)
        #expect(again.health.probeState(worker.incarnation) != nil)
        #expect(try await eventually { try await again.store.workers().isEmpty })
        #expect(try await eventually { again.health.probeState(worker.incarnation) == nil })
    }

    @Test("stops watching a removed worker")
    func removal() async throws {
        let test = try TestPlane()
        test.beHealthy(url)
        _ = try await test.workers.addWhenHealthy(try registration(url), origin: origin)
        _ = try await test.workers.remove(try WorkerReference(url), origin: origin)
        #expect(test.health.message().workers.isEmpty)
        #expect(try test.store.snapshot().workers.isEmpty)
    }
}
