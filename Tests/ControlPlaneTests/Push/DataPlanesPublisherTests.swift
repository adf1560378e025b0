import Foundation
import Logging
import ServiceLifecycle
import SignalboxProtocol
import Testing

@testable import ControlPlane

@Suite(.timeLimit(.minutes(1)), .serialized) struct DataPlanesPublisherTests {
    /// Runs `body` against a publisher on a socket of its own.
    private func withPublisher(
        _ source: StubSource,
        _ body: (DataPlanesPublisher, String) async throws -> Void
    ) async throws {
        let path = "/tmp/signalbox-\(UInt32.random(in: 0...UInt32.max)).sock"
        defer { unlink(path) }
        let publisher = DataPlanesPublisher(
            socketPath: path,
            source: source,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        try publisher.open()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await publisher.run() }
            try await body(publisher, path)
            group.cancelAll()
        }
    }

    private func connect(_ path: String, id: String, applied: EncodedSnapshot? = nil) throws -> StubDataPlane {
        try #require(try StubDataPlane(path: path, id: id, applied: applied))
    }

    /// Waits until `condition` holds; false after `limit`.
    private func eventually(_ limit: Duration = .seconds(30), _ condition: () -> Bool) async throws -> Bool {
        let deadline = ContinuousClock.now + limit
        while !condition() {
            guard ContinuousClock.now < deadline else { return false }
            try await Task.sleep(for: .milliseconds(1))
        }
        return true
    }

    @Test("The socket belongs to its user alone")
    func mode() async throws {
        try await withPublisher(StubSource()) { _, path in
            #expect(fileMode(path) == 0o600)
        }
    }

    @Test("A path too long for a socket is an error that names the flag")
    func longPath() {
        let path = "/tmp/" + String(repeating: "a", count: 120)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let publisher = DataPlanesPublisher(socketPath: path, source: StubSource(), logger: logger)
        let error = #expect(throws: ControlSocketError.self) { try publisher.open() }
        #expect(error?.code == .pathTooLong)
        #expect(error?.message.contains("--runtime-dir") == true)
    }

    @Test("A data plane gets snapshot, health and heartbeats, and its status says so")
    func connects() async throws {
        let source = StubSource(workers: 3)
        try await withPublisher(source) { publisher, path in
            let dataPlane = try connect(path, id: "dp-0")
            defer { dataPlane.stop() }
            #expect(try await eventually { dataPlane.current.applied == source.version })
            #expect(try await eventually { dataPlane.current.health != nil && dataPlane.current.heartbeats > 0 })
            #expect(try await eventually { publisher.statuses().first?.applied == source.version })
            let status = try #require(publisher.statuses().first)
            #expect(status.id == "dp-0" && status.connected && status.lagSeconds == 0)
            #expect(status.inFlight == 3 && status.connections == 2 && status.requests == 1)
            #expect(status.lastHeartbeat != nil)
        }
    }

    @Test("A data plane that reconnects with the newest document gets no resend")
    func reconnect() async throws {
        let source = StubSource(workers: 3)
        try await withPublisher(source) { publisher, path in
            let dataPlane = try connect(path, id: "dp-0", applied: try source.currentSnapshot())
            defer { dataPlane.stop() }
            #expect(try await eventually { dataPlane.current.heartbeats > 1 })
            #expect(dataPlane.current.snapshots == 0)
            #expect(await publisher.waitUntilApplied(source.version, timeout: .seconds(5)) == [])
        }
    }

    @Test("A change reaches an idle data plane within a few milliseconds")
    func latency() async throws {
        let source = StubSource()
        try await withPublisher(source) { publisher, path in
            let dataPlane = try connect(path, id: "dp-0")
            defer { dataPlane.stop() }
            #expect(try await eventually { dataPlane.current.applied == source.version })
            var waits: [Duration] = []
            for _ in 0..<50 {
                let version = source.commit()
                let start = ContinuousClock.now
                publisher.changed()
                #expect(await publisher.waitUntilApplied(version, timeout: .seconds(5)) == [])
                waits.append(start.duration(to: .now))
            }
            #expect(waits.sorted()[25] < .milliseconds(20))
        }
    }

    @Test("After a burst of 1,000 changes four data planes have the last version within a second")
    func burst() async throws {
        let source = StubSource(workers: 1000)
        try await withPublisher(source) { publisher, path in
            let dataPlanes = try (0..<4).map { try connect(path, id: "dp-\($0)") }
            defer { for dataPlane in dataPlanes { dataPlane.stop() } }
            #expect(try await eventually { dataPlanes.allSatisfy { $0.current.applied == source.version } })
            let before = source.builds
            for _ in 0..<1000 {
                _ = source.commit()
                publisher.changed()
            }
            #expect(await publisher.waitUntilApplied(source.version, timeout: .seconds(5)) == [])
            #expect(source.builds - before < 100)
            for dataPlane in dataPlanes { #expect(dataPlane.current.applied == source.version) }
        }
    }

    @Test("A stopped data plane delays nobody, is dropped, and catches up when it comes back")
    func stopped() async throws {
        let source = StubSource(workers: 1000)
        try await withPublisher(source) { publisher, path in
            let slow = try connect(path, id: "slow")
            let quick = try connect(path, id: "quick")
            defer { quick.stop() }
            #expect(try await eventually { publisher.statuses().allSatisfy { $0.applied == source.version } })
            slow.update { $0.isPaused = true }
            var last = source.version
            for _ in 0..<20 {
                last = source.commit()
                publisher.changed()
                #expect(try await eventually(.seconds(1)) { quick.current.applied == last })
            }
            #expect(try await eventually { publisher.statuses().contains { $0.id == "slow" && !$0.connected } })
            let status = publisher.statuses().first { $0.id == "slow" }
            #expect(status?.lastError != nil)
            #expect((status?.lagSeconds ?? 0) > 0)
            slow.stop()
            let back = try connect(path, id: "slow")
            defer { back.stop() }
            #expect(try await eventually { back.current.applied == last })
        }
    }

    @Test("A refused snapshot is named, and waiting for it ends at once")
    func refused() async throws {
        let source = StubSource()
        try await withPublisher(source) { publisher, path in
            let dataPlane = try connect(path, id: "dp-0")
            defer { dataPlane.stop() }
            #expect(try await eventually { dataPlane.current.applied == source.version })
            dataPlane.update { $0.refuses = true }
            let version = source.commit()
            publisher.changed()
            #expect(await publisher.waitUntilApplied(version, timeout: .seconds(30)) == ["dp-0"])
            #expect(publisher.statuses().first?.lastError == "It was told to.")
        }
    }

    @Test("A state that cannot be built leaves the last good snapshot in place and is tried again")
    func broken() async throws {
        let source = StubSource()
        try await withPublisher(source) { publisher, path in
            #expect(try await eventually { source.builds == 1 })
            let good = source.version
            source.setBroken(true)
            let bad = source.commit()
            publisher.changed()
            #expect(try await eventually { publisher.publicationFailure() != nil })
            let dataPlane = try connect(path, id: "dp-0")
            defer { dataPlane.stop() }
            #expect(try await eventually { dataPlane.current.applied == good })
            source.setBroken(false)
            #expect(try await eventually { dataPlane.current.applied == bad })
            #expect(publisher.publicationFailure() == nil)
        }
    }

    @Test("A cancelled wait returns")
    func cancelledWait() async throws {
        let source = StubSource()
        try await withPublisher(source) { publisher, path in
            let dataPlane = try connect(path, id: "dp-0")
            defer { dataPlane.stop() }
            #expect(try await eventually { publisher.statuses().count == 1 })
            let version = SnapshotVersion(epoch: source.epoch, sequence: 99)
            let waiting = Task { await publisher.waitUntilApplied(version, timeout: .seconds(50)) }
            waiting.cancel()
            #expect(await waiting.value == ["dp-0"])
        }
    }
}
