#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A plain TCP client that shows every byte, so that tests see broken responses as they are.
final class Connection {
    struct Failure: Error {
        let number: Int32
    }

    private let descriptor: Int32

    /// Connects to a port of this host; reads fail after 10 s so that no test hangs.
    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var timeout = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafeBytes(of: &address) { bytes in
            connect(
                descriptor,
                bytes.assumingMemoryBound(to: sockaddr.self).baseAddress,
                socklen_t(MemoryLayout<sockaddr_in>.size)
            )
        }
        guard result == 0 else {
            let number = errno
            close()
            throw Failure(number: number)
        }
    }

    private var isClosed = false

    deinit { close() }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        _ = shutdown(descriptor, Int32(SHUT_RDWR))
        systemClose(descriptor)
    }

    /// Sends a request with a body and `Host`.
    func send(_ method: String, _ target: String, headers: String = "", body: String = "") throws {
        let length = "Content-Length: \(body.utf8.count)\r\n"
        try write("\(method) \(target) HTTP/1.1\r\nHost: test\r\n\(length)\(headers)\r\n\(body)")
    }

    /// Sends bytes as they are.
    func write(_ text: String) throws {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { systemSend(descriptor, $0.baseAddress, $0.count) }
            guard sent > 0 else { throw Failure(number: errno) }
            rest = rest.dropFirst(sent)
        }
    }

    /// Reads until the text so far ends with `end`, or to the end of the connection.
    func read(until end: String) throws -> String {
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let end = Array(end.utf8)
        while end.isEmpty || !(text.count >= end.count && text.suffix(end.count).elementsEqual(end)) {
            let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count == 0 { break }
            guard count > 0 else { throw Failure(number: errno) }
            text += buffer[..<count]
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Reads a response whose length is announced, and returns head and body.
    func response() throws -> (status: Int, head: String, body: String) {
        var text = ""
        var headEnd: Range<String.Index>?
        while headEnd == nil {
            let more = try read(atMost: 65_536)
            if more.isEmpty { throw Failure(number: 0) }
            text += more
            headEnd = text.firstRange(of: "\r\n\r\n")
        }
        let head = String(text[..<(headEnd?.lowerBound ?? text.endIndex)])
        var body = String(text[(headEnd?.upperBound ?? text.endIndex)...])
        let length = head.split(separator: "\r\n").first { $0.hasPrefix("Content-Length: ") }
            .flatMap { Int($0.dropFirst("Content-Length: ".count)) }
        while let length, body.utf8.count < length { body += try read(atMost: length - body.utf8.count) }
        return (Int(head.split(separator: " ")[1]) ?? 0, head, body)
    }

    /// Reads to the end of the connection and returns the bytes behind the head.
    func bodyToEnd() throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            guard count >= 0 else { throw Failure(number: errno) }
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        let headEnd = bytes.firstRange(of: Array("\r\n\r\n".utf8))
        return Array(bytes[(headEnd?.upperBound ?? 0)...])
    }

    private func read(atMost bytes: Int) throws -> String {
        var buffer = [UInt8](repeating: 0, count: bytes)
        let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
        guard count >= 0 else { throw Failure(number: errno) }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }
}

private func systemClose(_ descriptor: Int32) {
    close(descriptor)
}

private func systemSend(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    send(descriptor, bytes, count, Int32(MSG_NOSIGNAL))
}
