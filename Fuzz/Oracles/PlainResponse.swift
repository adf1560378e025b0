/// A response as an independent reader understands it.
struct PlainResponse {
    enum Reading {
        case incomplete
        case invalid
        case response(PlainResponse)
    }

    /// How the end of the body is found.
    enum Framing: Equatable {
        case known(PlainFraming)
        case untilClose
    }

    var status: Int
    /// Status code and reason phrase.
    var statusText: [UInt8]
    var minorVersion: Int
    var head: PlainHead
    var framing: Framing
    /// Whether the connection may carry another response.
    var keepAlive: Bool
    /// What follows the head, read as the framing says; until the close everything is content.
    var body = PlainBody.incomplete([])

    static func read(_ bytes: ArraySlice<UInt8>, isAnswerToHead: Bool) -> Reading {
        switch PlainHead.read(bytes) {
        case .incomplete: return .incomplete
        case .invalid: return .invalid
        case .head(let head):
            guard var response = PlainResponse(head, isAnswerToHead: isAnswerToHead) else { return .invalid }
            let rest = bytes.dropFirst(head.count)
            switch response.framing {
            case .known(let framing): response.body = PlainBody.read(rest, framing)
            case .untilClose: response.body = .incomplete(Array(rest))
            }
            return .response(response)
        }
    }

    init?(_ head: PlainHead, isAnswerToHead: Bool) {
        let line = head.firstLine
        guard line.starts(with: "HTTP/1.0 ".utf8) || line.starts(with: "HTTP/1.1 ".utf8), line.count >= 12,
            line[9..<12].allSatisfy(PlainHead.isDigit), line.count == 12 || line[12] == 0x20,
            line[12...].allSatisfy(PlainHead.isValueByte),
            let status = Int(String(decoding: line[9..<12], as: UTF8.self)),
            (100...599).contains(status), let declared = PlainFraming(head), head.elements("connection").count <= 32
        else { return nil }
        minorVersion = Int(line[7]) - 0x30
        guard declared != .chunked || minorVersion == 1 else { return nil }
        self.status = status
        self.head = head
        statusText = Array(line[9...])
        if isAnswerToHead || status < 200 || status == 204 || status == 304 {
            framing = .known(.none)
        } else {
            framing = declared == .none ? .untilClose : .known(declared)
        }
        let options = head.elements("connection")
        keepAlive =
            !options.contains("close") && (minorVersion == 1 || options.contains("keep-alive"))
            && framing != .untilClose && (status != 204 || declared == .none || declared == .length(0))
    }
}
