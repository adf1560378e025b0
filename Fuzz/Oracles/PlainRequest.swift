/// A request as an independent reader understands it, under the rules that this proxy documents.
struct PlainRequest {
    enum Reading {
        case incomplete
        case invalid
        case request(PlainRequest)
    }

    var method: String
    /// Path and query as they are sent on, or `*`.
    var target: String
    var minorVersion: Int
    var head: PlainHead
    var framing: PlainFraming
    var keepAlive: Bool
    var expectsContinue: Bool
    var body = PlainBody.incomplete([])

    /// Reads a head and what follows of its body.
    static func read(_ bytes: ArraySlice<UInt8>) -> Reading {
        switch PlainHead.read(bytes) {
        case .incomplete: return .incomplete
        case .invalid: return .invalid
        case .head(let head):
            guard var request = PlainRequest(head) else { return .invalid }
            request.body = PlainBody.read(bytes.dropFirst(head.count), request.framing)
            return .request(request)
        }
    }

    /// Most empty lines before a request.
    private static let emptyLinesMax = 8

    /// Reads one request behind the other; a few empty lines before them do not count.
    static func readAll(_ bytes: [UInt8]) -> [PlainRequest] {
        var requests: [PlainRequest] = []
        var rest = bytes[...]
        while true {
            var emptyLines = 0
            while rest.starts(with: [0x0D, 0x0A]) {
                rest = rest.dropFirst(2)
                emptyLines += 1
            }
            guard emptyLines <= emptyLinesMax else { return requests }
            guard case .request(let request) = read(rest) else { return requests }
            requests.append(request)
            guard case .complete(_, let count) = request.body else { return requests }
            rest = rest.dropFirst(request.head.count + count)
        }
    }

    init?(_ head: PlainHead) {
        let parts = head.firstLine.split(separator: 0x20, omittingEmptySubsequences: false)
        guard parts.count == 3, head.firstLine.count <= 16 * 1024 else { return nil }
        method = String(decoding: parts[0], as: UTF8.self)
        guard (1...32).contains(parts[0].count), parts[0].allSatisfy(PlainHead.isTokenByte) else { return nil }
        let version = Array(parts[2])
        guard version.count == 8, version.starts(with: "HTTP/1.".utf8), PlainHead.isDigit(version[7]) else { return nil }
        minorVersion = version[7] == UInt8(ascii: "0") ? 0 : 1
        guard let target = PlainTarget.forwarded(parts[1], method: method), let framing = PlainFraming(head) else {
            return nil
        }
        guard framing != .chunked || minorVersion == 1 else { return nil }
        let hosts = head.values("host")
        guard hosts.count == 1 || hosts.isEmpty && minorVersion == 0, hosts.allSatisfy({ PlainTarget.isHost($0[...]) })
        else { return nil }
        let expectations = head.values("expect")
        guard expectations.count <= (minorVersion == 1 ? 1 : PlainHead.fieldsMax),
            expectations.allSatisfy({ String(decoding: $0, as: UTF8.self).lowercased() == "100-continue" })
        else { return nil }
        let options = head.elements("connection")
        guard options.count <= 32 else { return nil }
        self.target = target
        self.framing = framing
        self.head = head
        expectsContinue = minorVersion == 1 && !expectations.isEmpty
        keepAlive = !options.contains("close") && (minorVersion == 1 || options.contains("keep-alive"))
    }
}
