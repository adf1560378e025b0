internal import NIOCore
package import SignalboxProtocol

/// A snapshot ready to be sent; all connections share its bytes.
package struct PublishedSnapshot: Sendable {
    var header: SnapshotHeader
    /// The header's line and the document's line.
    var bytes: ByteBuffer
    /// The same as an array.
    package var wireBytes: [UInt8] { Array(bytes.readableBytesView) }
    /// When the oldest change that it shows was committed.
    var committedAt: ContinuousClock.Instant

    var version: SnapshotVersion { header.version }

    package init(_ snapshot: EncodedSnapshot, committedAt: ContinuousClock.Instant) throws {
        header = snapshot.header
        bytes = ByteBuffer(bytes: try snapshot.wireBytes())
        self.committedAt = committedAt
    }
}

/// Secrets ready to be sent; all connections share their bytes.
package struct PublishedSecrets: Sendable {
    /// Grows with every change.
    var number: UInt64
    var bytes: ByteBuffer

    init(_ secrets: SecretsMessage, number: UInt64) throws {
        self.number = number
        bytes = ByteBuffer(bytes: try LineCoding.encode(ControlPlaneMessage.secrets(secrets)))
    }
}

/// A health message ready to be sent; all connections share its bytes.
package struct PublishedHealth: Sendable {
    var tick: UInt64
    var bytes: ByteBuffer
    /// The same as an array.
    package var wireBytes: [UInt8] { Array(bytes.readableBytesView) }

    package init(_ health: HealthMessage) throws {
        tick = health.tick
        bytes = ByteBuffer(bytes: try LineCoding.encode(ControlPlaneMessage.health(health)))
    }
}
