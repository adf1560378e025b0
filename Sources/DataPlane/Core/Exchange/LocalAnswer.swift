/// A response that the proxy gives itself.
struct LocalAnswer {
    var status: Int
    var contentType: StaticString
    var body: String
    /// Seconds after which trying again makes sense.
    var retryAfter: Int?
    var allow: AllowedMethods?

    init(
        _ status: Int,
        contentType: StaticString = "application/json",
        body: String,
        retryAfter: Int? = nil,
        allow: AllowedMethods? = nil
    ) {
        self.status = status
        self.contentType = contentType
        self.body = body
        self.retryAfter = retryAfter
        self.allow = allow
    }

    /// An error in the OpenAI shape; `message` and `code` must need no escaping in JSON.
    static func error(
        _ status: Int,
        _ message: String,
        code: StaticString,
        retryAfter: Int? = nil,
        allow: AllowedMethods? = nil
    ) -> LocalAnswer {
        let type: StaticString =
            switch status {
            case 400..<500: "invalid_request_error"
            case 503: "service_unavailable"
            default: "upstream_error"
            }
        return LocalAnswer(
            status,
            body: #"{"error":{"message":"\#(message)","type":"\#(type)","param":null,"code":"\#(code)"}}"#,
            retryAfter: retryAfter,
            allow: allow
        )
    }

    static func text(_ status: Int, _ body: String) -> LocalAnswer {
        LocalAnswer(status, contentType: "text/plain; charset=utf-8", body: body)
    }

    static func fault(_ fault: HTTPFault) -> LocalAnswer {
        error(
            fault.status,
            fault.message.description.replacingBackslashes(),
            code: fault.status == 413 ? "payload_too_large" : "bad_request"
        )
    }

    static func noReadyWorker() -> LocalAnswer {
        error(503, "No ready worker can serve this request now.", code: "no_ready_worker", retryAfter: 1)
    }

    static func noSnapshot() -> LocalAnswer {
        error(503, "This data plane has no routing snapshot yet.", code: "no_snapshot", retryAfter: 1)
    }

    static func unknownModel() -> LocalAnswer {
        error(404, "No worker here serves the model that the request names.", code: "model_not_found")
    }

    static func lostWorker(_ status: Int) -> LocalAnswer {
        let message =
            status == 504
            ? "The worker did not accept a connection, or an upload, in time."
            : "The worker closed its connection or sent no valid answer."
        return error(status, message, code: status == 504 ? "worker_timeout" : "worker_failed")
    }

    static func controlPlaneUnreachable() -> LocalAnswer {
        error(503, "The control plane cannot be reached now.", code: "control_plane_unreachable", retryAfter: 1)
    }

    static func payloadTooLarge(_ bytesMax: Int) -> LocalAnswer {
        error(413, "The request body is larger than --max-payload-size (\(bytesMax) bytes).", code: "payload_too_large")
    }

    static func timeout(_ message: String) -> LocalAnswer {
        error(408, message, code: "request_timeout")
    }

    /// Writes the whole response.
    func write(to output: inout ByteBuffer, keepAlive: Bool, minorVersion: Int, isAnswerToHead: Bool) {
        output.append("HTTP/1.1 ")
        output.appendDecimal(status)
        output.append(" ")
        output.append(StatusText.of(status))
        output.append("\r\nContent-Type: ")
        output.append(contentType)
        output.append("\r\nContent-Length: ")
        output.appendDecimal(body.utf8.count)
        if let retryAfter {
            output.append("\r\nRetry-After: ")
            output.appendDecimal(retryAfter)
        }
        if let allow {
            output.append("\r\nAllow: ")
            output.append(allow.fieldValue)
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

extension String {
    /// Doubles backslashes, the only character of our own sentences that JSON gives a meaning to.
    fileprivate func replacingBackslashes() -> String {
        var result = ""
        for character in self {
            if character == "\\" { result.append("\\") }
            result.append(character)
        }
        return result
    }
}
