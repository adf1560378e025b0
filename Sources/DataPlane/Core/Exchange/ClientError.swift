/// An error that the proxy itself tells a client, in the shape of the API that the client speaks.
///
/// `message` and `code` must need no escaping in JSON.
struct ClientError {
    var status: Int
    var message: String
    var code: StaticString

    init(_ status: Int, _ message: String, code: StaticString) {
        self.status = status
        self.message = message
        self.code = code
    }

    /// The body of an error response.
    func json(_ shape: ErrorShape) -> String {
        switch shape {
        case .openAI:
            #"{"error":{"message":"\#(message)","type":"\#(openAIType)","param":null,"code":"\#(code)"}}"#
        case .anthropic:
            #"{"type":"error","error":{"type":"\#(anthropicType)","message":"\#(message)"}}"#
        }
    }

    /// The server-sent event that ends a stream which has begun already.
    func event(_ shape: ErrorShape) -> String {
        switch shape {
        case .openAI: "data: \(json(shape))\n\n"
        case .anthropic: "event: error\ndata: \(json(shape))\n\n"
        }
    }

    private var openAIType: StaticString {
        switch status {
        case 429: "rate_limit_error"
        case 400..<500: "invalid_request_error"
        case 503: "service_unavailable"
        default: "upstream_error"
        }
    }

    private var anthropicType: StaticString {
        switch status {
        case 403: "permission_error"
        case 404: "not_found_error"
        case 408, 504: "timeout_error"
        case 413: "request_too_large"
        case 429: "rate_limit_error"
        case 400..<500: "invalid_request_error"
        case 503: "overloaded_error"
        default: "api_error"
        }
    }
}

/// How an API writes its errors.
enum ErrorShape {
    case openAI
    /// On `/v1/messages`.
    case anthropic

    init(path: Range<Int>, of bytes: borrowing Span<UInt8>) {
        self = bytes.equals(path, "/v1/messages") || bytes.hasPrefix(path, "/v1/messages/") ? .anthropic : .openAI
    }
}

extension ClientError {
    /// A worker could not be used, or its answer ended too early.
    static func lostWorker(_ cause: Exchange.LossCause, hasAnswered: Bool) -> ClientError {
        switch cause {
        case .notConnected: ClientError(502, "The worker cannot be connected to.", code: "worker_failed")
        case .connectTimeout:
            ClientError(
                504,
                "The worker did not accept a connection in time (--timeout-connect-secs).",
                code: "connect_timeout"
            )
        case .uploadTimeout:
            ClientError(
                504,
                "The worker took nothing of the body in time (--timeout-upload-idle-secs).",
                code: "upload_timeout"
            )
        case .firstByteTimeout:
            ClientError(
                504,
                "The worker sent no content in time (--timeout-first-byte-secs).",
                code: "first_byte_timeout"
            )
        case .streamIdleTimeout:
            ClientError(
                504,
                "The worker's answer stood still for too long (--timeout-stream-idle-secs).",
                code: "stream_idle_timeout"
            )
        case .requestTimeout:
            ClientError(504, "The request took longer than it may (--request-timeout-secs).", code: "request_timeout")
        case .closed where hasAnswered:
            ClientError(502, "The worker's connection was lost in the middle of its answer.", code: "worker_failed")
        case .closed: ClientError(502, "The worker closed its connection without an answer.", code: "worker_failed")
        case .invalidAnswer where hasAnswered:
            ClientError(502, "The worker's answer became invalid in its middle.", code: "worker_failed")
        case .invalidAnswer: ClientError(502, "The worker sent no valid answer.", code: "worker_failed")
        }
    }

    static func fault(_ fault: HTTPFault) -> ClientError {
        ClientError(
            fault.status,
            fault.message.description.replacingBackslashes(),
            code: code(ofFault: fault.status)
        )
    }

    private static func code(ofFault status: Int) -> StaticString {
        switch status {
        case 413: "payload_too_large"
        case 414: "request_line_too_long"
        case 417: "expectation_failed"
        case 431: "header_fields_too_large"
        default: "bad_request"
        }
    }

    static var noReadyWorker: ClientError {
        ClientError(503, "No ready worker can serve this request now.", code: "no_ready_worker")
    }

    static var noWorker: ClientError {
        ClientError(503, "No worker is registered that serves this model.", code: "no_worker")
    }

    /// `X-SMG-Target-Worker` is a number that no worker of the model has.
    static var unknownTargetWorker: ClientError {
        ClientError(
            503,
            "X-SMG-Target-Worker is the number of no worker of this model.",
            code: "unknown_target_worker"
        )
    }

    static var targetWorkerUnavailable: ClientError {
        ClientError(
            503,
            "The worker that X-SMG-Target-Worker names takes no request now.",
            code: "target_worker_unavailable"
        )
    }

    static var atCapacity: ClientError {
        ClientError(503, "All workers are at capacity and enough requests wait for them.", code: "at_capacity")
    }

    static var tooManyRequests: ClientError {
        ClientError(
            429,
            "The router has as many requests as it may (--max-concurrent-requests, --queue-size).",
            code: "too_many_requests"
        )
    }

    static var rateLimited: ClientError {
        ClientError(429, "More requests come than may (--rate-limit-tokens-per-second).", code: "rate_limited")
    }

    static var queueTimeout: ClientError {
        ClientError(503, "No worker had room in time (--timeout-queue-secs).", code: "queue_timeout")
    }

    static var workerRemoved: ClientError {
        ClientError(503, "The worker was removed and its time to drain is over.", code: "worker_removed")
    }

    static var shuttingDown: ClientError {
        ClientError(503, "The router is shutting down.", code: "shutting_down")
    }

    static var noSnapshot: ClientError {
        ClientError(503, "This data plane has no routing snapshot yet.", code: "no_snapshot")
    }

    static var unknownModel: ClientError {
        ClientError(404, "No worker here serves the model that the request names.", code: "model_not_found")
    }

    static var controlPlaneUnreachable: ClientError {
        ClientError(503, "The control plane cannot be reached now.", code: "control_plane_unreachable")
    }

    static var noDescriptor: ClientError {
        ClientError(503, "The router has no descriptor left for a connection to a worker.", code: "no_descriptor")
    }

    static var buffersFull: ClientError {
        ClientError(503, "The router holds as many bytes as it may (--max-buffer-bytes).", code: "buffers_full")
    }

    static var spoolFull: ClientError {
        ClientError(503, "The router has as many bytes in files as it may (--max-spool-bytes).", code: "spool_full")
    }

    static var spoolFailed: ClientError {
        ClientError(503, "The router cannot keep the request's body in a file now.", code: "spool_failed")
    }

    static var loop: ClientError {
        ClientError(508, "The request has passed routers of this name too often: it goes round.", code: "loop_detected")
    }

    static func payloadTooLarge(_ bytesMax: Int) -> ClientError {
        let message = "The request body is larger than --max-payload-size (\(bytesMax) bytes)."
        return ClientError(413, message, code: "payload_too_large")
    }

    static var headTimeout: ClientError {
        ClientError(408, "The request's head did not arrive in time (--timeout-head-secs).", code: "request_timeout")
    }

    static var uploadTimeout: ClientError {
        ClientError(408, "The request's body stopped arriving (--timeout-upload-idle-secs).", code: "request_timeout")
    }

    static var requestTimeoutInUpload: ClientError {
        ClientError(408, "The request did not arrive within --request-timeout-secs.", code: "request_timeout")
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
