import DataPlaneCore

/// A client: it sends requests one after the other on a connection, or leaves, and judges what it gets.
struct ClientModel {
    enum Phase: Hashable {
        case idle
        case waiting
        case left
    }

    let number: Int
    let plane: Int
    let thread: Int
    var phase = Phase.idle
    /// What has arrived of the present answer.
    var received: [UInt8] = []
    /// Requests that were sent, and how they ended.
    var sent = 0
    var complete = 0
    var visiblyBroken = 0
    /// Since when it waits.
    var waitsSince = 0

    /// A request of its own, streamed or not.
    mutating func request(_ dice: inout Dice, at now: Int) -> [UInt8] {
        sent += 1
        waitsSince = now
        phase = .waiting
        received = []
        let body = #"{"text":"client \#(number) request \#(sent)","stream":\#(dice.oneIn(2))}"#
        return Array("POST /generate HTTP/1.1\r\nHost: sim\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
    }

    /// Bytes of an answer have come.
    mutating func take(_ bytes: [UInt8]) throws {
        guard phase == .waiting else {
            throw Finding(invariant: 6, message: "client \(number) got an answer that it did not ask for")
        }
        received += bytes
        guard let length = try ClientModel.answerLength(received) else { return }
        guard length == received.count else {
            throw Finding(invariant: 6, message: "client \(number) got more than its answer")
        }
        complete += 1
        phase = .idle
        received = []
    }

    /// The connection has closed; an answer that is not whole is visibly so.
    mutating func closed() {
        if phase == .waiting { visiblyBroken += 1 }
        phase = .left
    }

    /// Where the first answer ends; nil while it has not.
    private static func answerLength(_ bytes: [UInt8]) throws -> Int? {
        guard let headEnd = find([13, 10, 13, 10], in: bytes, from: 0) else { return nil }
        let head = String(decoding: bytes[..<headEnd], as: UTF8.self).lowercased()
        let bodyStart = headEnd + 4
        if head.contains("transfer-encoding: chunked") {
            return find(Array("0\r\n\r\n".utf8), in: bytes, from: max(bodyStart - 2, 0)).map { $0 + 5 }
        }
        guard let field = head.split(separator: "\r\n").first(where: { $0.hasPrefix("content-length:") }),
            let length = Int(field.dropFirst(15).filter { $0 != " " })
        else { throw Finding(invariant: 6, message: "an answer without an end: \(head)") }
        return bytes.count >= bodyStart + length ? bodyStart + length : nil
    }

    /// Where `pattern` begins; nil when it is not there.
    static func find(_ pattern: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard bytes.count >= pattern.count else { return nil }
        var index = start
        while index + pattern.count <= bytes.count {
            if bytes[index..<(index + pattern.count)].elementsEqual(pattern) { return index }
            index += 1
        }
        return nil
    }
}
