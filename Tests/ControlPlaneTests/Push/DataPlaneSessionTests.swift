import Foundation
import SignalboxProtocol
import Testing

@testable import ControlPlane

@Suite struct DataPlaneSessionTests {
    private let start = ContinuousClock.now
    private let epoch = Epoch(UUID())

    private func version(_ sequence: UInt64) -> SnapshotVersion { SnapshotVersion(epoch: epoch, sequence: sequence) }

    private func greeted(_ hello: Hello = Hello(id: "dp-0", pid: 1)) throws -> DataPlaneSession {
        var session = DataPlaneSession(connectedAt: start)
        #expect(try session.received(line(.hello(hello)), at: start) == [.greeted(id: hello.id)])
        return session
    }

    /// The sequence of the snapshot that is due, nil when something else or nothing is.
    private func due(_ session: inout DataPlaneSession, _ snapshot: PublishedSnapshot?) -> UInt64? {
        guard case .snapshot(let due) = session.nextOutput(snapshot: snapshot, health: nil, at: start) else {
            return nil
        }
        return due.version.sequence
    }

    @Test("Nothing is sent before hello")
    func silentBeforeHello() throws {
        var session = DataPlaneSession(connectedAt: start)
        let output = session.nextOutput(snapshot: try publishedSnapshot(1, epoch: epoch), health: nil, at: start)
        #expect(output == nil)
    }

    @Test("Hello is answered with the newest snapshot, once")
    func firstSnapshot() throws {
        var session = try greeted()
        let snapshot = try publishedSnapshot(3, epoch: epoch)
        #expect(due(&session, snapshot) == 3)
        #expect(due(&session, snapshot) == nil)
        #expect(session.record?.sent == version(3))
        #expect(session.record?.applied == nil)
    }

    @Test("A data plane that serves the newest document gets no resend")
    func noResend() throws {
        let snapshot = try publishedSnapshot(3, epoch: epoch)
        let hello = Hello(id: "dp-0", pid: 1, applied: snapshot.version, digest: snapshot.header.digest)
        var session = try greeted(hello)
        #expect(due(&session, snapshot) == nil)
        #expect(session.record?.applied == version(3))
    }

    @Test("The same version with another digest is sent again")
    func divergence() throws {
        let snapshot = try publishedSnapshot(3, epoch: epoch)
        let hello = Hello(id: "dp-0", pid: 1, applied: snapshot.version, digest: SnapshotDigest(of: []))
        var session = try greeted(hello)
        #expect(due(&session, snapshot) == 3)
    }

    @Test("At most one snapshot is unacknowledged, and the newest follows")
    func latestWins() throws {
        var session = try greeted()
        #expect(due(&session, try publishedSnapshot(1, epoch: epoch)) == 1)
        #expect(due(&session, try publishedSnapshot(2, epoch: epoch)) == nil)
        let newest = try publishedSnapshot(9, epoch: epoch)
        #expect(due(&session, newest) == nil)
        #expect(try session.received(line(.ack(version(1))), at: start) == [.acknowledged(version(1))])
        #expect(due(&session, newest) == 9)
    }

    @Test("A refused version is not sent again until there is a newer one")
    func refusal() throws {
        var session = try greeted()
        let bad = try publishedSnapshot(1, epoch: epoch)
        #expect(due(&session, bad) == 1)
        let nack = Nack(version: version(1), reason: "It breaks a rule.", violations: ["workers[0].url: bad"])
        #expect(try session.received(line(.nack(nack)), at: start) == [.refused(nack)])
        #expect(session.record?.lastError == "It breaks a rule. workers[0].url: bad")
        #expect(session.hasRefused(version(1)))
        #expect(due(&session, bad) == nil)
        #expect(due(&session, try publishedSnapshot(2, epoch: epoch)) == 2)
        #expect(!session.hasRefused(version(1)))
        _ = try session.received(line(.ack(version(2))), at: start)
        #expect(session.record?.lastError == nil)
    }

    @Test("Health follows a snapshot, whole and only when it is newer")
    func health() throws {
        var session = try greeted()
        let source = StubSource()
        let snapshot = try publishedSnapshot(1, epoch: epoch)
        let health = try PublishedHealth(source.currentHealth())
        #expect(session.nextOutput(snapshot: nil, health: health, at: start) == nil)
        #expect(due(&session, snapshot) == 1)
        guard case .health(let sent) = session.nextOutput(snapshot: snapshot, health: health, at: start) else {
            Issue.record("health is due")
            return
        }
        #expect(sent.tick == 1)
        #expect(session.nextOutput(snapshot: snapshot, health: health, at: start) == nil)
    }

    @Test("Secrets go only to who asked for them, before any snapshot, once and again when they change")
    func secrets() throws {
        func number(_ session: inout DataPlaneSession, _ secrets: PublishedSecrets, _ snapshot: PublishedSnapshot?)
            -> UInt64?
        {
            guard
                case .secrets(let sent) = session.nextOutput(
                    snapshot: snapshot,
                    health: nil,
                    secrets: secrets,
                    at: start
                )
            else { return nil }
            return sent.number
        }
        let message = SecretsMessage(peerKeys: [Secret(String(repeating: "k", count: 32))])
        let (first, second) = (
            try PublishedSecrets(message, number: 1), try PublishedSecrets(message, number: 2)
        )
        var silent = DataPlaneSession(connectedAt: start)
        #expect(number(&silent, first, nil) == nil)
        var other = try greeted()
        #expect(number(&other, first, nil) == nil)
        var wrong = try greeted(Hello(id: "dp-1", pid: 1, secrets: ["worker_keys"]))
        #expect(number(&wrong, first, nil) == nil)
        var session = try greeted(Hello(id: "dp-2", pid: 1, secrets: [SecretName.peerKeys]))
        #expect(number(&session, first, nil) == 1)
        #expect(number(&session, first, nil) == nil)
        let snapshot = try publishedSnapshot(1, epoch: epoch)
        #expect(number(&session, second, snapshot) == 2)
        #expect(due(&session, snapshot) == 1)
        #expect(number(&session, second, snapshot) == nil)
    }

    @Test("Heartbeats are due once per interval")
    func heartbeats() throws {
        var session = try greeted()
        var sent = 0
        for tick in 0...40 {
            let now = start + .milliseconds(100 * tick)
            while let output = session.nextOutput(snapshot: nil, health: nil, at: now) {
                guard case .heartbeat = output else { continue }
                sent += 1
            }
        }
        #expect(sent == 8)
    }

    @Test(
        "What breaks the protocol is an error",
        arguments: [
            "{\"type\":\"heartbeat\",\"in_flight\":0,\"connections\":0,\"requests\":0,\"draining\":false}\n",
            "garbage\n", "\n", "[]\n", "{\"type\":\"hello\"}\n",
            hello(id: "", major: 1), hello(id: "with space", major: 1), hello(id: "dp-0", major: 2),
            hello(id: String(repeating: "x", count: 129), major: 1),
            String(repeating: "x", count: DataPlaneSession.lineBytesMax + 1),
        ]
    )
    func protocolErrors(text: String) {
        var session = DataPlaneSession(connectedAt: start)
        #expect(throws: DataPlaneProtocolError.self) { try session.received(Array(text.utf8), at: start) }
    }

    @Test("Acknowledging or refusing what was not sent is an error")
    func wrongAcknowledgement() throws {
        var session = try greeted()
        #expect(throws: DataPlaneProtocolError.self) { try session.received(line(.ack(version(1))), at: start) }
        session = try greeted()
        _ = due(&session, try publishedSnapshot(1, epoch: epoch))
        #expect(throws: DataPlaneProtocolError.self) { try session.received(line(.ack(version(2))), at: start) }
        session = try greeted()
        let nack = Nack(version: version(7), reason: "no")
        #expect(throws: DataPlaneProtocolError.self) { try session.received(line(.nack(nack)), at: start) }
    }

    @Test("Unknown messages are ignored, so that newer data planes can talk to us")
    func unknownMessages() throws {
        var session = try greeted()
        #expect(try session.received(Array("{\"type\":\"news\",\"x\":1}\n".utf8), at: start) == [])
    }

    @Test("Messages may arrive in pieces of any size")
    func pieces() throws {
        var session = DataPlaneSession(connectedAt: start)
        var events: [DataPlaneSession.Event] = []
        for byte in try line(.hello(Hello(id: "dp-0", pid: 1))) { events += try session.received([byte], at: start) }
        #expect(events == [.greeted(id: "dp-0")])
    }

    @Test("Silence, a missing hello and a missing acknowledgement end the connection")
    func expiry() throws {
        let unnamed = DataPlaneSession(connectedAt: start)
        #expect(unnamed.expiry(at: start + .milliseconds(4999)) == nil)
        #expect(unnamed.expiry(at: start + .seconds(5)) != nil)
        var session = try greeted()
        #expect(session.expiry(at: start + .milliseconds(Heartbeat.silenceMilliseconds - 1)) == nil)
        #expect(session.expiry(at: start + .milliseconds(Heartbeat.silenceMilliseconds)) != nil)
        _ = due(&session, try publishedSnapshot(1, epoch: epoch))
        let later = start + DataPlaneSession.acknowledgementTimeout
        let heartbeat = DataPlaneHeartbeat(applied: nil, inFlight: 0, connections: 0, requests: 0, draining: false)
        _ = try session.received(line(.heartbeat(heartbeat)), at: later)
        #expect(session.expiry(at: later - .milliseconds(1)) == nil)
        #expect(session.expiry(at: later) != nil)
    }
}

/// The line of a hello, for ids and versions that a correct data plane would not send.
private func hello(id: String, major: Int) -> String {
    #"{"type":"hello","id":"\#(id)","pid":1,"software":"x","features":[],"protocol":{"major":\#(major),"minor":0}}"#
        + "\n"
}
