internal import NIOCore
internal import SignalboxProtocol

/// A snapshot ready to be sent; all connections share its bytes.
struct PublishedSnapshot: Sendable {
    var header: SnapshotHeader
    /// The header's line and the document's line.
    var bytes: ByteBuffer
    /// When the oldest change that it shows was committed.
    var committedAt: ContinuousClock.Instant

    var version: SnapshotVersion { header.version }

    init(_ snapshot: EncodedSnapshot, committedAt: ContinuousClock.Instant) throws {
        header = snapshot.header
        bytes = ByteBuffer(bytes: try snapshot.wireBytes())
        self.committedAt = committedAt
    }
}

/// A health message ready to be sent; all connections share its bytes.
struct PublishedHealth: Sendable {
    var tick: UInt64
    var bytes: ByteBuffer

    init(_ health: HealthMessage) throws {
        tick = health.tick
        bytes = ByteBuffer(bytes: try LineCoding.encode(ControlPlaneMessage.health(health)))
    }
}
