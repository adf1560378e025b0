import DataPlaneCore
import Glibc

/// Answers one request a connection, one after the other: for the few who ask about a data plane itself.
struct SerialServer: Sendable {
    /// How long one client may take to send its request, and to take the answer.
    private static let clientMilliseconds = 1_000

    /// A listening socket; it stays the caller's.
    let descriptor: Int32

    /// Answers for as long as the process lives; to be called on a thread of its own.
    func run(_ answer: (_ head: [UInt8]) -> [UInt8]) -> Never {
        while true {
            var descriptors = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
            _ = unsafe poll(&descriptors, 1, -1)
            let client = accept(descriptor, nil, nil)
            if client >= 0 {
                serve(client, answer)
                close(client)
            } else if errno != EINTR && errno != EAGAIN {
                // Descriptors are scarce: nobody is served faster by trying at once.
                _ = poll(nil, 0, Int32(SerialServer.clientMilliseconds))
            }
        }
    }

    private func serve(_ client: Int32, _ answer: (_ head: [UInt8]) -> [UInt8]) {
        var time = timeval(tv_sec: SerialServer.clientMilliseconds / 1000, tv_usec: 0)
        let length = socklen_t(MemoryLayout<timeval>.size)
        _ = unsafe setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &time, length)
        let deadline = EpollReactor.clock().adding(milliseconds: SerialServer.clientMilliseconds)
        guard let head = readHead(client, deadline) else { return }
        let bytes = answer(head)
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { content in
                unsafe send(
                    client,
                    content.baseAddress.map { unsafe $0 + sent },
                    bytes.count - sent,
                    Int32(MSG_NOSIGNAL)
                )
            }
            guard count > 0 else { return }
            sent += count
        }
    }

    /// The request up to its empty line; nil when it does not come in time.
    private func readHead(_ client: Int32, _ deadline: MonotonicTime) -> [UInt8]? {
        var head: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 2048)
        while head.count < OperatorAnswer.headBytesMax {
            let left = deadline.milliseconds - EpollReactor.clock().milliseconds
            var descriptors = [pollfd(fd: client, events: Int16(POLLIN), revents: 0)]
            guard left > 0, unsafe poll(&descriptors, 1, Int32(left)) > 0 else { return nil }
            let count = unsafe recv(client, &buffer, buffer.count, 0)
            guard count > 0 else { return head.isEmpty ? nil : head }
            head += buffer[0..<count]
            if head.count >= 4, (3..<head.count).contains(where: { head[$0] == 10 && head[$0 - 2] == 10 }) {
                return head
            }
        }
        return head
    }
}
