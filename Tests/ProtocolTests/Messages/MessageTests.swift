import SignalboxProtocol
import Testing

struct MessageTests {
    private let version = SnapshotVersion(epoch: SampleSnapshot.epoch, sequence: 3)

    @Test("Every message of a data plane survives the wire")
    func dataPlaneMessages() throws {
        let messages: [DataPlaneMessage] = [
            .hello(Hello(id: "dp-0", pid: 17, applied: version, digest: SnapshotDigest(of: [1]))),
            .hello(Hello(id: "dp-0", pid: 17)),
            .ack(version),
            .nack(Nack(version: version, reason: "no", violations: ["workers[0].url: bad"])),
            .heartbeat(
                DataPlaneHeartbeat(applied: version, inFlight: 3, connections: 9, requests: 100, draining: true)
            ),
            .heartbeat(
                DataPlaneHeartbeat(
                    applied: nil,
                    inFlight: 0,
                    connections: 1,
                    requests: 0,
                    draining: false,
                    held: HeldResources(
                        inputBytes: 1,
                        bodyBytes: 2,
                        unsentBytes: 3,
                        spooledBytes: 4,
                        upstreamConnections: 6,
                        idleUpstreamConnections: 5
                    )
                )
            ),
        ]
        for message in messages {
            #expect(try LineCoding.decode(DataPlaneMessage.self, from: LineCoding.encode(message)) == message)
        }
    }

    @Test("Every message of a control plane survives the wire")
    func controlPlaneMessages() throws {
        let observation = WorkerObservation(
            incarnation: SampleSnapshot.identifier(IncarnationKind.self, 1),
            state: .unhealthy,
            since: "2026-11-24T12:00:00.000Z",
            reason: "GET /health answered 503.",
            isHeld: true,
            probe: ProbeTerms(path: "/live", timeoutMilliseconds: 20_000)
        )
        let health = HealthMessage(run: SampleSnapshot.identifier(RunKind.self, 1), tick: 9, workers: [observation])
        let messages: [ControlPlaneMessage] = [
            .snapshot(SnapshotHeader(version: version, bytes: 5, digest: SnapshotDigest(of: [2]))),
            .health(health),
            .heartbeat,
        ]
        for message in messages {
            #expect(try LineCoding.decode(ControlPlaneMessage.self, from: LineCoding.encode(message)) == message)
        }
    }

    @Test("Silence is told only where there is some, and is a state of its own")
    func silence() throws {
        var observation = WorkerObservation(
            incarnation: SampleSnapshot.identifier(IncarnationKind.self, 1),
            state: .unhealthy,
            since: "2026-11-24T12:00:00.000Z",
            reason: "Nothing came."
        )
        func message() -> HealthMessage {
            HealthMessage(run: SampleSnapshot.identifier(RunKind.self, 1), tick: 9, workers: [observation])
        }
        let refused = message()
        #expect(
            !String(decoding: try LineCoding.encode(ControlPlaneMessage.health(refused)), as: UTF8.self).contains(
                "silent"
            )
        )
        observation.isSilent = true
        let silent = message()
        #expect(
            String(decoding: try LineCoding.encode(ControlPlaneMessage.health(silent)), as: UTF8.self).contains(
                #""silent":true"#
            )
        )
        let line = try LineCoding.encode(ControlPlaneMessage.health(silent))
        #expect(try LineCoding.decode(ControlPlaneMessage.self, from: line) == .health(silent))
    }

    @Test("A message of an unknown type is no error, so that newer planes may say more")
    func unknownTypes() throws {
        let line = Array(#"{"type":"gossip","x":1}"#.utf8)
        #expect(try LineCoding.decode(DataPlaneMessage.self, from: line) == .unknown(type: "gossip"))
        #expect(try LineCoding.decode(ControlPlaneMessage.self, from: line) == .unknown(type: "gossip"))
    }

    @Test("Identifiers are lower case on the wire and random ones are version 4 UUIDs")
    func identifiers() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<100 {
            let text = WorkerID.random(using: &generator).description
            #expect(text == text.lowercased())
            #expect(text.count == 36)
            let characters = Array(text)
            #expect(characters[14] == "4")
            #expect("89ab".contains(characters[19]))
        }
        #expect(WorkerID("not a uuid") == nil)
    }
}
