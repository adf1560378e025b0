internal import FoundationEssentials
internal import SignalboxProtocol

/// All data planes that are connected or left lately, and the newest of what is published, as one value.
package struct DataPlaneRegistry: Sendable {
    package typealias Instant = ContinuousClock.Instant
    package typealias ConnectionID = UInt64

    /// Most connections at a time; a host has cores for far fewer data planes.
    static let connectionsMax = 256
    /// How long a data plane that left is remembered.
    static let memory: Duration = .seconds(600)
    /// Most data planes that are remembered after they left.
    static let formerMax = 256

    /// A connection that must be closed, and why.
    package struct Closing: Hashable, Sendable {
        package var connection: ConnectionID
        var dataPlane: String?
        var reason: String
    }

    package init() {}

    private(set) var snapshot: PublishedSnapshot?
    private(set) var health: PublishedHealth?
    private(set) var secrets: PublishedSecrets?
    private var sessions: [ConnectionID: DataPlaneSession] = [:]
    private var former: [String: DataPlaneRecord] = [:]

    /// The data planes that are connected.
    var connectedRecords: [DataPlaneRecord] { sessions.values.compactMap(\.record) }
    /// The data planes that have left lately.
    var formerRecords: [DataPlaneRecord] { Array(former.values) }
    var connections: [ConnectionID] { Array(sessions.keys) }

    /// False when there are too many connections; the new one must be closed.
    package mutating func connected(_ connection: ConnectionID, at now: Instant) -> Bool {
        guard sessions.count < DataPlaneRegistry.connectionsMax else { return false }
        sessions[connection] = DataPlaneSession(connectedAt: now)
        return true
    }

    /// Takes bytes of a connection; says what they brought about and which connections must be closed.
    package mutating func received(
        _ bytes: [UInt8],
        from connection: ConnectionID,
        at now: Instant
    ) -> (events: [DataPlaneSession.Event], closings: [Closing]) {
        guard var session = sessions[connection] else { return ([], []) }
        do {
            let events = try session.received(bytes, at: now)
            sessions[connection] = session
            var closings: [Closing] = []
            for case .greeted(let id) in events { closings += greeted(id, on: connection, at: now) }
            return (events, closings)
        } catch {
            sessions[connection] = session
            return ([], [close(connection, reason: error, at: now)])
        }
    }

    /// The newest connection of a data plane wins: an older one is a remnant of a process or a socket that died.
    private mutating func greeted(_ id: String, on connection: ConnectionID, at now: Instant) -> [Closing] {
        let older = sessions.filter { $0.key != connection && $0.value.record?.hello.id == id }.keys
        for connection in older { disconnected(connection, at: now) }
        let closings = older.map { Closing(connection: $0, dataPlane: id, reason: "It connected again.") }
        if let record = former.removeValue(forKey: id) { sessions[connection]?.inherit(from: record) }
        if let snapshot { sessions[connection]?.published(snapshot) }
        return closings
    }

    package mutating func disconnected(_ connection: ConnectionID, at now: Instant) {
        guard let session = sessions.removeValue(forKey: connection) else { return }
        remember(session.record, at: now)
    }

    /// Connections that were silent for too long; also forgets data planes that left long ago.
    package mutating func expired(at now: Instant) -> [Closing] {
        former = former.filter { _, record in
            guard let left = record.disconnectedAt else { return true }
            return left.duration(to: now) < DataPlaneRegistry.memory
        }
        return sessions.compactMap { connection, session in session.expiry(at: now).map { (connection, $0) } }
            .map { close($0, reason: $1, at: now) }
    }

    package mutating func publish(_ newest: PublishedSnapshot) {
        snapshot = newest
        for connection in sessions.keys { sessions[connection]?.published(newest) }
        for id in former.keys { former[id]?.published(newest) }
    }

    package mutating func publish(_ newest: PublishedHealth) {
        health = newest
    }

    mutating func publish(_ newest: SecretsMessage) throws {
        secrets = try PublishedSecrets(newest, number: (secrets?.number ?? 0) + 1)
    }

    package mutating func nextOutput(for connection: ConnectionID, at now: Instant) -> DataPlaneSession.Output? {
        sessions[connection]?.nextOutput(snapshot: snapshot, health: health, secrets: secrets, at: now)
    }

    /// What the data plane on a connection serves; nil when it serves nothing yet.
    func applied(on connection: ConnectionID) -> SnapshotVersion? { sessions[connection]?.record?.applied }

    func dataPlane(on connection: ConnectionID) -> String? {
        sessions[connection]?.record?.hello.id
    }

    /// The data planes, connected ones and those that left, by name.
    func statuses(at now: Instant, wallClock: Date) -> [DataPlaneStatus] {
        (sessions.values.compactMap(\.record) + former.values)
            .sorted { $0.hello.id < $1.hello.id }
            .map { $0.status(at: now, wallClock: wallClock) }
    }

    /// The names of the connected data planes.
    var connectedNames: Set<String> { Set(sessions.values.compactMap { $0.record?.hello.id }) }

    /// The data planes that have not applied `version`, and whether waiting for any of them makes sense.
    ///
    /// - Parameter expected: data planes that count also when they have fallen silent since; one that said that it ends
    ///   does not.
    func progress(
        of version: SnapshotVersion,
        among expected: Set<String> = []
    ) -> (isSettled: Bool, laggards: [String]) {
        var isSettled = true
        var laggards: [String] = []
        for session in sessions.values {
            guard let record = session.record, !record.hasApplied(version) else { continue }
            laggards.append(record.hello.id)
            if !session.hasRefused(version) { isSettled = false }
        }
        for id in expected {
            guard let record = former[id], !record.hasApplied(version), record.heartbeat?.draining != true else {
                continue
            }
            laggards.append(id)
            isSettled = false
        }
        return (isSettled, laggards.sorted())
    }

    private mutating func close(
        _ connection: ConnectionID,
        reason: DataPlaneProtocolError,
        at now: Instant
    ) -> Closing {
        var record = sessions.removeValue(forKey: connection)?.record
        record?.lastError = reason.description
        remember(record, at: now)
        return Closing(connection: connection, dataPlane: record?.hello.id, reason: reason.description)
    }

    private mutating func remember(_ record: DataPlaneRecord?, at now: Instant) {
        guard var record else { return }
        record.disconnectedAt = now
        former[record.hello.id] = record
        while former.count > DataPlaneRegistry.formerMax {
            let oldest = former.min { ($0.value.disconnectedAt ?? now) < ($1.value.disconnectedAt ?? now) }
            guard let oldest else { break }
            former.removeValue(forKey: oldest.key)
        }
    }
}
