import CLinux
import DataPlaneCore
import Glibc
import Logging
import SignalboxProtocol
import Synchronization

/// The thread that probes workers for a data plane whose control plane is silent, many at one time.
final class WorkerProber: Sendable {
    struct Target: Sendable {
        var incarnation: IncarnationID
        var address: IPAddress
        var port: UInt16
        /// The value of the `Host` field.
        var host: String
        /// What is asked for.
        var path: String
        /// How long it may take.
        var timeoutMilliseconds: Int
    }

    private struct State: Sendable {
        var waiting: [Target] = []
        var outcomes: [(IncarnationID, LocalHealth.Outcome)] = []
    }

    private let state = Mutex(State())
    private let wakeDescriptor: Int32
    /// Woken when probes have ended.
    private let outcomesDescriptor: Int32

    init(outcomesDescriptor: Int32) throws(SystemError) {
        wakeDescriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard wakeDescriptor >= 0 else { throw SystemError("eventfd", errno) }
        self.outcomesDescriptor = outcomesDescriptor
    }

    /// Probes the workers soon; returns at once.
    func probe(_ targets: [Target]) {
        state.withLock { $0.waiting += targets }
        Mailbox.wake(wakeDescriptor)
    }

    /// What has ended since the last call.
    func takeOutcomes() -> [(IncarnationID, LocalHealth.Outcome)] {
        state.withLock { state in
            defer { state.outcomes = [] }
            return state.outcomes
        }
    }

    /// One probe that is on its way.
    private struct Probe {
        let incarnation: IncarnationID
        let descriptor: Int32
        let request: [UInt8]
        let endsAt: MonotonicTime
        var hasSent = false
        var answer: [UInt8] = []
    }

    func run() -> Never {
        var probes: [Probe] = []
        while true {
            for target in takeWaiting() {
                if let probe = begin(target) { probes.append(probe) } else { report(target.incarnation, .failed) }
            }
            wait(probes)
            probes = probes.compactMap { advance($0) }
        }
    }

    private func takeWaiting() -> [Target] {
        Mailbox.clear(wakeDescriptor)
        return state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
    }

    private func begin(_ target: Target) -> Probe? {
        let endpoint = UpstreamAddress.ip(target.address, port: target.port)
        let descriptor = socket(
            target.address.isIPv6 ? AF_INET6 : AF_INET,
            Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue),
            0
        )
        guard descriptor >= 0 else { return nil }
        let result = unsafe SocketAddress.withPointer(to: endpoint) { unsafe connect(descriptor, $0, $1) }
        guard let result, result == 0 || errno == EINPROGRESS else {
            close(descriptor)
            return nil
        }
        let request = "GET \(target.path) HTTP/1.1\r\nHost: \(target.host)\r\nConnection: close\r\n\r\n"
        return Probe(
            incarnation: target.incarnation,
            descriptor: descriptor,
            request: Array(request.utf8),
            endsAt: EpollReactor.clock().adding(milliseconds: target.timeoutMilliseconds)
        )
    }

    private func wait(_ probes: [Probe]) {
        var descriptors = [pollfd(fd: wakeDescriptor, events: Int16(POLLIN), revents: 0)]
        descriptors += probes.map {
            pollfd(fd: $0.descriptor, events: Int16($0.hasSent ? POLLIN : POLLOUT), revents: 0)
        }
        let now = EpollReactor.clock().milliseconds
        let pause = probes.map { max(0, $0.endsAt.milliseconds - now) }.min()
        _ = unsafe poll(&descriptors, nfds_t(descriptors.count), pause.map { Int32($0) } ?? -1)
    }

    /// Sends or reads what can be; nil when the probe has ended.
    private func advance(_ probe: Probe) -> Probe? {
        var probe = probe
        if !probe.hasSent {
            let sent = unsafe send(probe.descriptor, probe.request, probe.request.count, Int32(MSG_NOSIGNAL))
            if sent == probe.request.count {
                probe.hasSent = true
            } else if sent >= 0 || (errno != EAGAIN && errno != ENOTCONN) {
                return end(probe, .failed)
            }
        }
        if probe.hasSent {
            var buffer = [UInt8](repeating: 0, count: 64)
            let count = unsafe recv(probe.descriptor, &buffer, buffer.count, 0)
            if count > 0 { probe.answer += buffer[0..<count] }
            // "HTTP/1.1 200"
            if probe.answer.count >= 12 {
                let isHTTP = probe.answer.starts(with: "HTTP/1.".utf8)
                let outcome: LocalHealth.Outcome =
                    switch probe.answer[9] {
                    case _ where !isHTTP: .failed
                    case 0x32: .well
                    case 0x31, 0x33, 0x34: .answered
                    default: .failed
                    }
                return end(probe, outcome)
            }
            if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) { return end(probe, .failed) }
        }
        return probe.endsAt <= EpollReactor.clock() ? end(probe, .silent) : probe
    }

    private func end(_ probe: Probe, _ outcome: LocalHealth.Outcome) -> Probe? {
        close(probe.descriptor)
        report(probe.incarnation, outcome)
        return nil
    }

    private func report(_ incarnation: IncarnationID, _ outcome: LocalHealth.Outcome) {
        state.withLock { $0.outcomes.append((incarnation, outcome)) }
        Mailbox.wake(outcomesDescriptor)
    }
}
