import Foundation
import SignalboxProtocol
import Testing

@testable import ControlPlane

@Suite struct DataPlaneRegistryTests {
    private let start = ContinuousClock.now
    private let epoch = Epoch(UUID())
    private let date = Date(timeIntervalSince1970: 1_700_000_000)

    private func version(_ sequence: UInt64) -> SnapshotVersion { SnapshotVersion(epoch: epoch, sequence: sequence) }

    private func connect(_ registry: inout DataPlaneRegistry, _ connection: UInt64, id: String) throws {
        let isAccepted = registry.connected(connection, at: start)
        #expect(isAccepted)
        let hello = try line(.hello(Hello(id: id, pid: Int(connection))))
        _ = registry.received(hello, from: connection, at: start)
    }

    private func status(_ registry: DataPlaneRegistry, at now: ContinuousClock.Instant) -> DataPlaneStatus? {
        registry.statuses(at: now, wallClock: date).first
    }

    @Test("The newest connection of a data plane wins and the older one is closed")
    func duplicate() throws {
        var registry = DataPlaneRegistry()
        try connect(&registry, 1, id: "dp-0")
        let isAccepted = registry.connected(2, at: start)
        #expect(isAccepted)
        let outcome = registry.received(try line(.hello(Hello(id: "dp-0", pid: 2))), from: 2, at: start)
        #expect(outcome.closings.map(\.connection) == [1])
        let statuses = registry.statuses(at: start, wallClock: date)
        #expect(statuses.map(\.pid) == [2])
        #expect(statuses.map(\.connected) == [true])
        #expect(registry.received(try line(.ack(version(1))), from: 1, at: start).closings.isEmpty)
    }

    @Test("A data plane that breaks the protocol is closed and says why in its status")
    func protocolError() throws {
        var registry = DataPlaneRegistry()
        try connect(&registry, 1, id: "dp-0")
        let outcome = registry.received(Array("nonsense\n".utf8), from: 1, at: start)
        #expect(outcome.closings.map(\.connection) == [1])
        #expect(status(registry, at: start)?.connected == false)
        #expect(status(registry, at: start)?.lastError?.isEmpty == false)
    }

    @Test("A data plane that left is remembered for ten minutes")
    func memory() throws {
        var registry = DataPlaneRegistry()
        try connect(&registry, 1, id: "dp-0")
        registry.disconnected(1, at: start + .seconds(5))
        _ = registry.expired(at: start + .seconds(604))
        #expect(status(registry, at: start + .seconds(604))?.disconnectedSince == "2023-11-14T22:03:21.000Z")
        _ = registry.expired(at: start + .seconds(605))
        #expect(status(registry, at: start + .seconds(605)) == nil)
    }

    @Test("Lag counts from the commit of the oldest version that is not applied")
    func lag() throws {
        var registry = DataPlaneRegistry()
        try connect(&registry, 1, id: "dp-0")
        registry.publish(try publishedSnapshot(1, epoch: epoch, committedAt: start))
        _ = registry.nextOutput(for: 1, at: start)
        registry.publish(try publishedSnapshot(2, epoch: epoch, committedAt: start + .seconds(2)))
        registry.publish(try publishedSnapshot(3, epoch: epoch, committedAt: start + .seconds(3)))
        #expect(status(registry, at: start + .seconds(4))?.lagSeconds == 4)
        _ = registry.received(try line(.ack(version(1))), from: 1, at: start + .seconds(4))
        #expect(status(registry, at: start + .seconds(5))?.lagSeconds == 3)
        _ = registry.nextOutput(for: 1, at: start + .seconds(5))
        _ = registry.received(try line(.ack(version(3))), from: 1, at: start + .seconds(6))
        #expect(status(registry, at: start + .seconds(9))?.lagSeconds == 0)
        registry.disconnected(1, at: start + .seconds(9))
        registry.publish(try publishedSnapshot(4, epoch: epoch, committedAt: start + .seconds(9)))
        #expect(status(registry, at: start + .seconds(10))?.lagSeconds == 1)
    }

    @Test("Progress names the connected data planes that lack a version")
    func progress() throws {
        var registry = DataPlaneRegistry()
        try connect(&registry, 1, id: "dp-0")
        try connect(&registry, 2, id: "dp-1")
        registry.publish(try publishedSnapshot(5, epoch: epoch))
        for connection in [UInt64(1), 2] { _ = registry.nextOutput(for: connection, at: start) }
        _ = registry.received(try line(.ack(version(5))), from: 1, at: start)
        #expect(registry.progress(of: version(4)) == (false, ["dp-1"]))
        _ = registry.received(try line(.nack(Nack(version: version(5), reason: "no"))), from: 2, at: start)
        #expect(registry.progress(of: version(5)) == (true, ["dp-1"]))
        #expect(registry.progress(of: version(6)) == (false, ["dp-0", "dp-1"]))
        registry.disconnected(2, at: start)
        #expect(registry.progress(of: version(5)) == (true, []))
        #expect(registry.progress(of: version(5), among: ["dp-0", "dp-1"]) == (false, ["dp-1"]))
    }

    @Test("Connections beyond the limit are refused")
    func limit() {
        var registry = DataPlaneRegistry()
        for connection in 0..<DataPlaneRegistry.connectionsMax {
            let isAccepted = registry.connected(UInt64(connection), at: start)
            #expect(isAccepted)
        }
        let isAccepted = registry.connected(9999, at: start)
        #expect(!isAccepted)
    }

    @Test("A status shows every field, unknown ones as null")
    func statusFields() throws {
        var registry = DataPlaneRegistry()
        try connect(&registry, 1, id: "dp-0")
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let text = String(decoding: try encoder.encode(status(registry, at: start)), as: UTF8.self)
        #expect(text.contains("\"applied\":null"))
        #expect(text.contains("\"lag_seconds\":0"))
        #expect(text.contains("\"last_error\":null"))
        #expect(text.contains("\"connected_since\":\"2023-11-14T22:13:20.000Z\""))
    }
}
