import Foundation
import Glibc
import Synchronization

/// A TCP server that answers each connection as its script says, one thread per connection.
final class StubServer: Sendable {
    enum Script: Sendable {
        case answer([UInt8])
        /// The bytes, then one byte more every 50 ms.
        case drip([UInt8])
        /// Nothing, for ever.
        case silence
        /// Closes without an answer.
        case hangUp
    }

    let port: UInt16
    private let listener: Int32
    private let script: Script
    private let state = Mutex((requests: [String](), closed: 0, isStopped: false))

    init(_ script: Script) throws {
        self.script = script
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound, listen(descriptor, 1024) == 0 else { throw POSIXError(.EADDRINUSE) }
        listener = descriptor
        port = UInt16(bigEndian: address.sin_port)
        Thread { [self] in accept() }.start()
    }

    var url: String { "http://127.0.0.1:\(port)/health" }
    /// The heads and bodies that came.
    var requests: [String] { state.withLock { $0.requests } }
    /// How many connections the client closed.
    var closed: Int { state.withLock { $0.closed } }

    func stop() {
        state.withLock { $0.isStopped = true }
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    static func response(_ status: String, body: [UInt8]) -> [UInt8] {
        Array("HTTP/1.1 \(status)\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body
    }

    private func accept() {
        while !state.withLock({ $0.isStopped }) {
            let connection = Glibc.accept(listener, nil, nil)
            guard connection >= 0 else { return }
            Thread { [self] in serve(connection) }.start()
        }
    }

    private func serve(_ connection: Int32) {
        defer { close(connection) }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else {
                state.withLock { $0.closed += 1 }
                return
            }
            let text = String(decoding: buffer.prefix(count), as: UTF8.self)
            state.withLock { $0.requests.append(text) }
            switch script {
            case .answer(let bytes): send(bytes, on: connection)
            case .drip(let bytes):
                send(bytes, on: connection)
                while send([0x78], on: connection) { usleep(50_000) }
                state.withLock { $0.closed += 1 }
                return
            case .silence: break
            case .hangUp: return
            }
        }
    }

    @discardableResult
    private func send(_ bytes: [UInt8], on connection: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
