public import SignalboxProtocol

/// The data plane's side of the protocol with the control plane, as a pure state machine.
///
/// It never gives up: without a control plane it tries again for ever, with a jittered pause of at most a second, and
/// the data plane serves what it has (architecture section 3).
public struct SubscriptionState {
    /// What the executor has to do, in this order.
    public enum Action: Equatable {
        case connect
        case send([UInt8])
        /// Closes the connection, for the reason given.
        case close(reason: String)
        /// Compiles and swaps; ``applied(_:digest:)`` or ``rejected(_:)`` follows. The lines are as they came: the header's
        /// and the document's.
        case apply(Snapshot, SnapshotDigest, lines: [UInt8])
        /// The same for a snapshot of the cache; ``restored(_:digest:)`` follows, or nothing.
        case restore(Snapshot, SnapshotDigest)
        case observe(HealthMessage)
        /// Keeps the secrets, in memory alone.
        case keep(SecretsMessage)
    }

    private enum Link {
        case down(retryAt: MonotonicTime)
        case opening
        case up(Session)
    }

    private struct Session {
        var decoder = LineDecoder()
        /// The header whose document is the next line.
        var header: SnapshotHeader?
        var lastHeard: MonotonicTime
        var lastSent: MonotonicTime
    }

    /// Pause before the first new attempt in milliseconds; it doubles up to ``retryMillisecondsMax``.
    static let retryMillisecondsMin = 25
    static let retryMillisecondsMax = 1_000

    private let id: String
    private let pid: Int
    /// What the control plane is asked to tell; nil: nothing.
    private let secrets: [String]?
    private var link: Link
    private var retryMilliseconds = SubscriptionState.retryMillisecondsMin
    /// What is applied on every thread.
    public private(set) var applied: SnapshotVersion?
    private var appliedDigest: SnapshotDigest?
    /// What was handed out to be applied and not reported yet.
    private var applying: SnapshotVersion?
    private var run: RunID?
    private var tick: UInt64 = 0

    public init(id: String, pid: Int, secrets: [String]? = nil, now: MonotonicTime) {
        self.id = id
        self.pid = pid
        self.secrets = secrets
        link = .down(retryAt: now)
    }

    public var isConnected: Bool {
        if case .up = link { return true }
        return false
    }

    /// When ``timePassed(at:heartbeat:)`` must be called at the latest.
    public var wakeAt: MonotonicTime? {
        switch link {
        case .down(let retryAt): retryAt
        case .opening: nil
        case .up(let session): session.lastSent.adding(milliseconds: Heartbeat.intervalMilliseconds)
        }
    }

    /// The connection is open: says what is served already, so that a resend can be skipped.
    public mutating func connected(at now: MonotonicTime) throws -> [Action] {
        link = .up(Session(lastHeard: now, lastSent: now))
        let hello = Hello(id: id, pid: pid, applied: applied, digest: appliedDigest, secrets: secrets)
        return [.send(try LineCoding.encode(DataPlaneMessage.hello(hello)))]
    }

    /// The connection could not be opened, or was lost.
    public mutating func disconnected(at now: MonotonicTime, using generator: inout some RandomNumberGenerator) {
        let pause = Int.random(in: retryMilliseconds / 2...retryMilliseconds, using: &generator)
        link = .down(retryAt: now.adding(milliseconds: pause))
        retryMilliseconds = min(retryMilliseconds * 2, SubscriptionState.retryMillisecondsMax)
    }

    /// Time has passed: connects, sends a heartbeat or gives a silent connection up.
    public mutating func timePassed(
        at now: MonotonicTime,
        heartbeat: @autoclosure () -> DataPlaneHeartbeat
    ) throws -> [Action] {
        switch link {
        case .down(let retryAt):
            guard retryAt <= now else { return [] }
            link = .opening
            return [.connect]
        case .opening: return []
        case .up(var session):
            if session.lastHeard.adding(milliseconds: Heartbeat.silenceMilliseconds) <= now {
                return [.close(reason: "The control plane has been silent for \(Heartbeat.silenceMilliseconds) ms.")]
            }
            guard session.lastSent.adding(milliseconds: Heartbeat.intervalMilliseconds) <= now else { return [] }
            session.lastSent = now
            link = .up(session)
            return [.send(try LineCoding.encode(DataPlaneMessage.heartbeat(heartbeat())))]
        }
    }

    /// Bytes from the control plane.
    public mutating func received(_ bytes: [UInt8], at now: MonotonicTime) throws -> [Action] {
        guard case .up(var session) = link else { return [] }
        // The state holds no second reference to the decoder's buffer while that grows.
        link = .opening
        defer { link = .up(session) }
        session.lastHeard = now
        retryMilliseconds = SubscriptionState.retryMillisecondsMin
        session.decoder.append(bytes)
        var actions: [Action] = []
        do {
            while let line = try session.decoder.next() {
                if let header = session.header {
                    session.header = nil
                    actions += try takeDocument(line, header)
                } else {
                    actions += try takeMessage(line, &session)
                }
            }
        } catch let error as LineTooLong {
            actions.append(.close(reason: error.description))
        } catch let error as DecodingError {
            actions.append(.close(reason: "The control plane sent a line that cannot be read: \(error)"))
        }
        return actions
    }

    /// Every thread has swapped to the snapshot.
    public mutating func applied(_ version: SnapshotVersion, digest: SnapshotDigest) throws -> [Action] {
        if applying == version { applying = nil }
        applied = version
        appliedDigest = digest
        retryMilliseconds = SubscriptionState.retryMillisecondsMin
        return try answer(.ack(version))
    }

    /// A snapshot of the cache was read; it is used when nothing has come from the control plane yet.
    public mutating func found(_ snapshot: Snapshot, _ digest: SnapshotDigest) -> [Action] {
        guard applied == nil, applying == nil else { return [] }
        return [.restore(snapshot, digest)]
    }

    /// Every thread has swapped to the snapshot of the cache. The control plane is told with the next hello: it has not
    /// asked for it.
    public mutating func restored(_ version: SnapshotVersion, digest: SnapshotDigest) {
        guard applied == nil, applying == nil else { return }
        applied = version
        appliedDigest = digest
    }

    /// The snapshot could not be applied; what was served before is served on.
    public mutating func rejected(_ version: SnapshotVersion, _ rejection: SnapshotRejection) throws -> [Action] {
        if applying == version { applying = nil }
        return try answer(
            .nack(Nack(version: version, reason: rejection.reason, violations: rejection.violations))
        )
    }

    private func answer(_ message: DataPlaneMessage) throws -> [Action] {
        if case .down = link { return [] }
        return [.send(try LineCoding.encode(message))]
    }

    private mutating func takeMessage(_ line: [UInt8], _ session: inout Session) throws -> [Action] {
        switch try LineCoding.decode(ControlPlaneMessage.self, from: line) {
        case .snapshot(let header):
            session.header = header
            return []
        case .health(let health):
            guard health.run != run || health.tick > tick else { return [] }
            run = health.run
            tick = health.tick
            return [.observe(health)]
        case .secrets(let secrets): return [.keep(secrets)]
        case .heartbeat, .unknown: return []
        }
    }

    private mutating func takeDocument(_ line: [UInt8], _ header: SnapshotHeader) throws -> [Action] {
        let version = header.version
        guard version.mayReplace(applying ?? applied) else {
            let current = (applying ?? applied)?.description ?? ""
            let reason = "Version \(version) is older than \(current), which is served here."
            return try rejected(version, SnapshotRejection(reason: reason))
        }
        if version == applied && header.digest == appliedDigest { return try answer(.ack(version)) }
        do throws(SnapshotRejection) {
            let snapshot = try header.open(document: line)
            applying = version
            let lines = try? LineCoding.encode(ControlPlaneMessage.snapshot(header)) + line
            return [.apply(snapshot, header.digest, lines: lines ?? [])]
        } catch {
            return try rejected(version, error)
        }
    }
}
