/// A response that the proxy gives itself.
struct LocalAnswer {
    enum Content {
        case json(String)
        case text(String)
        case error(ClientError)
    }

    var status: Int
    var content: Content
    var allow: AllowedMethods?
    /// Seconds after which trying again makes sense, where that is known.
    var retryAfter: Int?

    init(_ status: Int, _ content: Content) {
        self.status = status
        self.content = content
    }

    init(_ error: ClientError, allow: AllowedMethods? = nil) {
        status = error.status
        content = .error(error)
        self.allow = allow
    }

    /// Seconds after which trying again makes sense: whatever lacks now may be there in a moment.
    private var retryAfterSeconds: Int? {
        if case .error = content, status == 503 || status == 429 { return retryAfter ?? 1 }
        return nil
    }

    /// Writes the whole response.
    ///
    /// - Parameters:
    ///   - requestIDLine: the field that names the request, with its line's end; empty: none.
    ///   - snapshot: what a client that asks for it is told of the snapshot.
    func write(
        to output: inout ByteBuffer,
        dateLine: borrowing ByteBuffer,
        shape: ErrorShape,
        keepAlive: Bool,
        minorVersion: Int,
        isAnswerToHead: Bool,
        requestIDLine: borrowing Span<UInt8>,
        snapshot: String?
    ) {
        let body =
            switch content {
            case .json(let text), .text(let text): text
            case .error(let error): error.json(shape)
            }
        output.append("HTTP/1.1 ")
        output.appendDecimal(status)
        output.append(" ")
        output.append(StatusText.of(status))
        output.append("\r\n")
        output.append(dateLine)
        output.append(requestIDLine)
        output.append("Content-Type: ")
        if case .text = content {
            output.append("text/plain; charset=utf-8")
        } else {
            output.append("application/json")
        }
        output.append("\r\nContent-Length: ")
        output.appendDecimal(body.utf8.count)
        if let retryAfterSeconds {
            output.append("\r\nRetry-After: ")
            output.appendDecimal(retryAfterSeconds)
        }
        if let allow {
            output.append("\r\nAllow: ")
            output.append(allow.fieldValue)
        }
        if let snapshot {
            output.append("\r\nX-Signalbox-Snapshot: ")
            output.append(snapshot)
        }
        if !keepAlive {
            output.append("\r\nConnection: close")
        } else if minorVersion == 0 {
            output.append("\r\nConnection: keep-alive")
        }
        output.append("\r\n\r\n")
        if !isAnswerToHead { output.append(body) }
    }
}
