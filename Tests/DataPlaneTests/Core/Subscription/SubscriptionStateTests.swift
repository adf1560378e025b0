import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct SubscriptionStateTests {
    private static let beat = DataPlaneHeartbeat(
        applied: nil,
        inFlight: 0,
        connections: 0,
        requests: 0,
        draining: false
    )

    private func time(_ milliseconds: Int) -> MonotonicTime { MonotonicTime(milliseconds: milliseconds) }

    private func connected() throws -> SubscriptionState {
        var state = SubscriptionState(id: "dp", pid: 1, now: time(0))
        #expect(try state.timePassed(at: time(0), heartbeat: Self.beat) == [.connect])
        _ = try state.connected(at: time(0))
        return state
    }

    private func snapshot(_ sequence: UInt64, epoch: Epoch = Samples.epoch, workers: Int = 1) -> Snapshot {
        Snapshot(
            version: SnapshotVersion(epoch: epoch, sequence: sequence),
            workers: (0..<workers).map { Samples.worker($0 + 1) }
        )
    }

    private func message(_ actions: [SubscriptionState.Action]) throws -> DataPlaneMessage? {
        guard case .send(let line)? = actions.first, actions.count == 1 else { return nil }
        return try LineCoding.decode(DataPlaneMessage.self, from: line)
    }

    @Test("A snapshot is applied first and acknowledged after")
    func acknowledgement() throws {
        var state = try connected()
        let encoded = try EncodedSnapshot(snapshot(3))
        let actions = try state.received(encoded.wireBytes(), at: time(1))
        #expect(actions == [.apply(snapshot(3), encoded.header.digest, lines: try encoded.wireBytes())])
        #expect(state.applied == nil)
        let answer = try state.applied(encoded.version, digest: encoded.header.digest)
        #expect(try message(answer) == .ack(encoded.version))
        #expect(state.applied == encoded.version)
    }

    @Test("Secrets are asked for by name, and handed out as they come")
    func secrets() throws {
        var state = SubscriptionState(id: "dp", pid: 1, secrets: [SecretName.peerKeys], now: time(0))
        _ = try state.timePassed(at: time(0), heartbeat: Self.beat)
        guard case .hello(let hello)? = try message(state.connected(at: time(0))) else {
            Issue.record("no hello")
            return
        }
        #expect(hello.secrets == ["peer_keys"])
        let secrets = SecretsMessage(peerKeys: [Secret(String(repeating: "k", count: 32))])
        let line = try LineCoding.encode(ControlPlaneMessage.secrets(secrets))
        #expect(try state.received(line, at: time(1)) == [.keep(secrets)])
        var other = SubscriptionState(id: "dp", pid: 1, now: time(0))
        _ = try other.timePassed(at: time(0), heartbeat: Self.beat)
        guard case .send(let bytes)? = try other.connected(at: time(0)).first else { return }
        #expect(!String(decoding: bytes, as: UTF8.self).contains("secrets"))
    }

    @Test("A snapshot comes out whole, wherever the stream was cut", arguments: [1, 13, 1000])
    func cuts(pieceBytes: Int) throws {
        var state = try connected()
        let encoded = try EncodedSnapshot(snapshot(3))
        let bytes = try encoded.wireBytes()
        var actions: [SubscriptionState.Action] = []
        for start in stride(from: 0, to: bytes.count, by: pieceBytes) {
            actions += try state.received(Array(bytes[start..<min(start + pieceBytes, bytes.count)]), at: time(1))
        }
        #expect(actions == [.apply(snapshot(3), encoded.header.digest, lines: try encoded.wireBytes())])
    }

    @Test("After a day without a control plane it has what it had, and never tries less than once a second")
    func day() throws {
        var state = try connected()
        let encoded = try EncodedSnapshot(snapshot(3))
        _ = try state.received(encoded.wireBytes(), at: time(1))
        _ = try state.applied(encoded.version, digest: encoded.header.digest)
        var generator = SplitMix64(seed: 1)
        var now = time(1)
        var longest = 0
        state.disconnected(at: now, using: &generator)
        while now.milliseconds < 86_400_000 {
            let next = try #require(state.wakeAt)
            longest = max(longest, next.milliseconds - now.milliseconds)
            now = next
            guard try state.timePassed(at: now, heartbeat: Self.beat) == [.connect] else { break }
            state.disconnected(at: now, using: &generator)
        }
        #expect(now.milliseconds >= 86_400_000 && longest <= 1_000)
        #expect(state.applied == encoded.version)
        guard case .hello(let hello) = try message(state.connected(at: now)) else {
            Issue.record("it says no hello")
            return
        }
        #expect(hello.applied == encoded.version && hello.digest == encoded.header.digest)
    }

    @Test("A proxy never returns to an older version, and follows a new epoch")
    func versions() throws {
        var state = try connected()
        let newer = try EncodedSnapshot(snapshot(5))
        _ = try state.received(newer.wireBytes(), at: time(1))
        _ = try state.applied(newer.version, digest: newer.header.digest)
        let older = try state.received(EncodedSnapshot(snapshot(4)).wireBytes(), at: time(2))
        guard case .nack(let nack)? = try message(older) else {
            Issue.record("an older version was not refused")
            return
        }
        #expect(nack.version.sequence == 4)
        var generator = SplitMix64(seed: 99)
        let other = snapshot(1, epoch: Epoch.random(using: &generator))
        let actions = try state.received(EncodedSnapshot(other).wireBytes(), at: time(3))
        #expect(
            actions == [
                .apply(other, try EncodedSnapshot(other).header.digest, lines: try EncodedSnapshot(other).wireBytes())
            ]
        )
    }

    @Test("What is served already is acknowledged without being applied again; other content of it is applied")
    func resend() throws {
        var state = try connected()
        let encoded = try EncodedSnapshot(snapshot(5))
        _ = try state.received(encoded.wireBytes(), at: time(1))
        _ = try state.applied(encoded.version, digest: encoded.header.digest)
        #expect(try message(state.received(encoded.wireBytes(), at: time(2))) == .ack(encoded.version))
        let healed = try EncodedSnapshot(snapshot(5, workers: 2))
        #expect(
            try state.received(healed.wireBytes(), at: time(3)) == [
                .apply(snapshot(5, workers: 2), healed.header.digest, lines: try healed.wireBytes())
            ]
        )
    }

    @Test("A damaged document is answered by a nack, and the connection goes on")
    func damaged() throws {
        var state = try connected()
        var bytes = try EncodedSnapshot(snapshot(3)).wireBytes()
        bytes[bytes.count - 10] ^= 1
        guard case .nack(let nack)? = try message(state.received(bytes, at: time(1))) else {
            Issue.record("no nack")
            return
        }
        #expect(nack.reason.contains("digest"))
        #expect(state.isConnected)
    }

    @Test("Only newer observations of a run count, and every one of a new run")
    func health() throws {
        var state = try connected()
        var generator = SplitMix64(seed: 5)
        let run = RunID.random(using: &generator)
        func observe(_ run: RunID, _ tick: UInt64) throws -> Int {
            let health = HealthMessage(run: run, tick: tick, workers: [])
            return try state.received(LineCoding.encode(ControlPlaneMessage.health(health)), at: time(1)).count
        }
        #expect(try observe(run, 2) == 1)
        #expect(try observe(run, 2) == 0)
        #expect(try observe(run, 1) == 0)
        #expect(try observe(run, 3) == 1)
        #expect(try observe(RunID.random(using: &generator), 1) == 1)
    }

    @Test("Heartbeats go out every interval, and silence for three of them ends the connection")
    func heartbeats() throws {
        var state = try connected()
        #expect(try state.timePassed(at: time(499), heartbeat: Self.beat).isEmpty)
        #expect(try message(state.timePassed(at: time(500), heartbeat: Self.beat)) == .heartbeat(Self.beat))
        _ = try state.received(LineCoding.encode(ControlPlaneMessage.heartbeat), at: time(600))
        _ = try state.timePassed(at: time(1_000), heartbeat: Self.beat)
        _ = try state.timePassed(at: time(1_600), heartbeat: Self.beat)
        guard case .close? = try state.timePassed(at: time(2_100), heartbeat: Self.beat).first else {
            Issue.record("a silent connection was kept")
            return
        }
    }

    @Test("Attempts to connect come again with jitter, at most a second apart, for ever")
    func backoff() throws {
        var state = SubscriptionState(id: "dp", pid: 1, now: time(0))
        var generator = SplitMix64(seed: 1)
        var now = 0
        for _ in 0..<50 {
            let wakeAt = try #require(state.wakeAt)
            #expect(wakeAt.milliseconds - now <= 1_000)
            now = wakeAt.milliseconds
            #expect(try state.timePassed(at: time(now), heartbeat: Self.beat) == [.connect])
            state.disconnected(at: time(now), using: &generator)
        }
    }

    @Test("A hello says what is served, so that a resend can be skipped")
    func hello() throws {
        var state = try connected()
        let encoded = try EncodedSnapshot(snapshot(5))
        _ = try state.received(encoded.wireBytes(), at: time(1))
        _ = try state.applied(encoded.version, digest: encoded.header.digest)
        var generator = SplitMix64(seed: 1)
        state.disconnected(at: time(2), using: &generator)
        guard case .hello(let hello)? = try message(state.connected(at: time(3))) else {
            Issue.record("no hello")
            return
        }
        #expect(hello.applied == encoded.version)
        #expect(hello.digest == encoded.header.digest)
    }
}
