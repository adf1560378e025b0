import Foundation
import Glibc
import SignalboxProtocol
import Synchronization

/// A data plane that applies what it gets, on one thread with one socket.
final class StubDataPlane: Sendable {
    struct State: Sendable {
        var applied: SnapshotVersion?
        var snapshots = 0
        var health: HealthMessage?
        var heartbeats = 0
        var isClosed = false
        /// While true nothing is read or sent, as in a process that got SIGSTOP.
        var isPaused = false
        var refuses = false
        var isStopped = false
    }

    private let state: Mutex<State>
    private let descriptor: Int32

    init?(path: String, id: String, applied: EncodedSnapshot? = nil) throws {
        state = Mutex(State(applied: applied?.version))
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let number = descriptor
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { return nil }
        let hello = Hello(id: id, pid: Int(getpid()), applied: applied?.version, digest: applied?.header.digest)
        try send(.hello(hello))
        Thread { [self] in try? run() }.start()
    }

    var current: State { state.withLock { $0 } }

    func update(_ change: (inout State) -> Void) {
        state.withLock { change(&$0) }
    }

    func stop() {
        update { $0.isStopped = true }
    }

    private func run() throws {
        var decoder = LineDecoder()
        var header: SnapshotHeader?
        var heartbeatAt = ContinuousClock.now
        var buffer = [UInt8](repeating: 0, count: 65_536)
        defer {
            close(descriptor)
            update { $0.isClosed = true }
        }
        while !current.isStopped {
            if current.isPaused {
                usleep(1000)
                continue
            }
            if ContinuousClock.now >= heartbeatAt {
                heartbeatAt = .now + .milliseconds(Heartbeat.intervalMilliseconds)
                try send(
                    .heartbeat(.init(applied: nil, inFlight: 3, connections: 2, requests: 1, draining: false))
                )
            }
            var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&watched, 1, 10) > 0 else { continue }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return }
            decoder.append(Array(buffer.prefix(count)))
            while let line = try decoder.next() { try received(line, &header) }
        }
    }

    private func received(_ line: [UInt8], _ header: inout SnapshotHeader?) throws {
        if let announced = header {
            header = nil
            let snapshot = try announced.open(document: line)
            if current.refuses {
                try send(.nack(Nack(version: snapshot.version, reason: "It was told to.")))
                return
            }
            update { state in
                state.applied = snapshot.version
                state.snapshots += 1
            }
            try send(.ack(snapshot.version))
            return
        }
        switch try LineCoding.decode(ControlPlaneMessage.self, from: line) {
        case .snapshot(let announced): header = announced
        case .health(let health): update { $0.health = health }
        case .heartbeat: update { $0.heartbeats += 1 }
        case .secrets, .unknown: break
        }
    }

    private func send(_ message: DataPlaneMessage) throws {
        let bytes = try LineCoding.encode(message)
        _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }
}
