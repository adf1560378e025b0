internal import NIOCore
package import SignalboxProtocol

/// The control plane's side of one connection, as a value: what arrives goes in, what is to be sent is asked for.
///
/// Output is pulled, one message at a time, when the one before has left. So a slow data plane holds at most one
/// message, and what it gets next is always the newest.
package struct DataPlaneSession: Sendable {
    package typealias Instant = ContinuousClock.Instant

    static let helloTimeout: Duration = .seconds(5)
    static let heartbeatInterval: Duration = .milliseconds(Heartbeat.intervalMilliseconds)
    static let silenceMax: Duration = .milliseconds(Heartbeat.silenceMilliseconds)
    /// A data plane that neither applies nor refuses a snapshot for this long starts over with a new connection.
    static let acknowledgementTimeout: Duration = .seconds(30)
    /// Longest line of a data plane: a heartbeat that tells of 20,000 workers with requests fits.
    static let lineBytesMax = 8 * 1024 * 1024
    /// Longest name of a data plane.
    static let identifierBytesMax = 128

    package enum Output: Sendable {
        case snapshot(PublishedSnapshot)
        case health(PublishedHealth)
        case secrets(PublishedSecrets)
        case heartbeat
    }

    /// What a received piece brought about.
    package enum Event: Hashable, Sendable {
        case greeted(id: String)
        case acknowledged(SnapshotVersion)
        case refused(Nack)
        /// It told what it does.
        case reported
    }

    /// Nil until hello.
    private(set) var record: DataPlaneRecord?

    private let connectedAt: Instant
    private var decoder = LineDecoder(bytesMax: DataPlaneSession.lineBytesMax)
    private var heardAt: Instant
    private var heartbeatDue: Instant
    /// The digest of what it serves; nil when it is unknown.
    private var appliedDigest: SnapshotDigest?
    private var unacknowledged: SnapshotHeader?
    private var sentAt: Instant
    private var refused: SnapshotHeader?
    private var healthTickSent: UInt64?
    private var secretsSent: UInt64?

    init(connectedAt now: Instant) {
        connectedAt = now
        heardAt = now
        heartbeatDue = now + DataPlaneSession.heartbeatInterval
        sentAt = now
    }

    /// Takes bytes as they arrive. After an error the connection must be closed.
    mutating func received(_ bytes: [UInt8], at now: Instant) throws(DataPlaneProtocolError) -> [Event] {
        heardAt = now
        decoder.append(bytes)
        var events: [Event] = []
        do {
            while let line = try decoder.next() {
                guard let message = try? LineCoding.decode(DataPlaneMessage.self, from: line) else {
                    throw DataPlaneProtocolError("It sent a line that is not a message of the protocol.")
                }
                if let event = try received(message, at: now) { events.append(event) }
            }
        } catch let error as DataPlaneProtocolError {
            throw error
        } catch {
            throw DataPlaneProtocolError("It sent a line longer than \(DataPlaneSession.lineBytesMax) bytes.")
        }
        return events
    }

    private mutating func received(
        _ message: DataPlaneMessage,
        at now: Instant
    ) throws(DataPlaneProtocolError) -> Event? {
        guard record != nil else {
            guard case .hello(let hello) = message else {
                throw DataPlaneProtocolError("Its first message was not hello.")
            }
            return try greeted(hello)
        }
        switch message {
        case .hello:
            throw DataPlaneProtocolError("It said hello twice.")
        case .ack(let version):
            return .acknowledged(try acknowledged(version))
        case .nack(let nack):
            try refused(nack)
            return .refused(nack)
        case .heartbeat(let heartbeat):
            record?.heartbeat = heartbeat
            record?.heartbeatAt = now
            return .reported
        case .unknown:
            return nil
        }
    }

    private mutating func greeted(_ hello: Hello) throws(DataPlaneProtocolError) -> Event {
        guard hello.protocolVersion.major == SchemaVersion.current.major else {
            throw DataPlaneProtocolError(
                "It speaks version \(hello.protocolVersion) of the protocol, this is \(SchemaVersion.current)."
            )
        }
        let isPrintable = hello.id.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        guard isPrintable, (1...DataPlaneSession.identifierBytesMax).contains(hello.id.utf8.count) else {
            throw DataPlaneProtocolError(
                "Its id must have 1 to \(DataPlaneSession.identifierBytesMax) printable ASCII characters."
            )
        }
        record = DataPlaneRecord(hello: hello, connectedAt: connectedAt)
        appliedDigest = hello.applied == nil ? nil : hello.digest
        return .greeted(id: hello.id)
    }

    private mutating func acknowledged(_ version: SnapshotVersion) throws(DataPlaneProtocolError) -> SnapshotVersion {
        guard let header = unacknowledged, header.version == version else {
            throw DataPlaneProtocolError("It acknowledged version \(version), which it was not asked to apply.")
        }
        unacknowledged = nil
        appliedDigest = header.digest
        record?.acknowledged(version)
        return version
    }

    private mutating func refused(_ nack: Nack) throws(DataPlaneProtocolError) {
        guard let header = unacknowledged, header.version == nack.version else {
            throw DataPlaneProtocolError("It refused version \(nack.version), which it was not asked to apply.")
        }
        unacknowledged = nil
        refused = header
        record?.refused(nack)
    }

    /// A version was published; this only keeps the lag, sending happens through ``nextOutput(snapshot:health:secrets:at:)``.
    mutating func published(_ snapshot: PublishedSnapshot) {
        record?.published(snapshot)
    }

    mutating func inherit(from former: DataPlaneRecord) {
        record?.inherit(from: former)
    }

    /// What to send now, given the newest of everything; nil when nothing is due.
    ///
    /// Health comes after a snapshot, so that its observations meet the workers that they are about. Secrets need none, and go
    /// only to who asked for them.
    mutating func nextOutput(
        snapshot: PublishedSnapshot?,
        health: PublishedHealth?,
        secrets: PublishedSecrets? = nil,
        at now: Instant
    ) -> Output? {
        if let secrets, secrets.number != secretsSent, record?.hello.secrets?.contains(SecretName.peerKeys) == true {
            secretsSent = secrets.number
            return .secrets(secrets)
        }
        guard record != nil, let snapshot else { return heartbeat(at: now) }
        if isDue(snapshot.header) {
            unacknowledged = snapshot.header
            refused = nil
            sentAt = now
            record?.sent(snapshot)
            return .snapshot(snapshot)
        }
        if let health, health.tick > healthTickSent ?? 0 || healthTickSent == nil {
            healthTickSent = health.tick
            return .health(health)
        }
        return heartbeat(at: now)
    }

    private func isDue(_ header: SnapshotHeader) -> Bool {
        guard unacknowledged == nil, header != refused else { return false }
        return record?.applied != header.version || appliedDigest != header.digest
    }

    private mutating func heartbeat(at now: Instant) -> Output? {
        guard record != nil, now >= heartbeatDue else { return nil }
        heartbeatDue = now + DataPlaneSession.heartbeatInterval
        return .heartbeat
    }

    /// Whether the newest snapshot was refused, so that waiting for its acknowledgement is pointless.
    func hasRefused(_ version: SnapshotVersion) -> Bool {
        guard let refused else { return false }
        return refused.epoch == version.epoch && refused.sequence >= version.sequence
    }

    /// Why the connection must be closed now; nil while it may live.
    func expiry(at now: Instant) -> DataPlaneProtocolError? {
        if record == nil, connectedAt.duration(to: now) >= DataPlaneSession.helloTimeout {
            return DataPlaneProtocolError("It did not say hello within \(DataPlaneSession.helloTimeout).")
        }
        if record != nil, heardAt.duration(to: now) >= DataPlaneSession.silenceMax {
            return DataPlaneProtocolError("It was silent for \(DataPlaneSession.silenceMax).")
        }
        if let unacknowledged, sentAt.duration(to: now) >= DataPlaneSession.acknowledgementTimeout {
            return DataPlaneProtocolError("It did not answer to version \(unacknowledged.version) in time.")
        }
        return nil
    }
}

/// Why a connection is closed; one sentence about the data plane.
struct DataPlaneProtocolError: Error, Hashable, Sendable, CustomStringConvertible {
    var description: String

    init(_ description: String) {
        self.description = description
    }
}
