internal import CCurl
internal import Glibc
internal import SignalboxProtocol

/// One request that libcurl is carrying out; it lives on the thread of ``CurlEngine``.
final class CurlTransfer {
    /// Response heads beyond this are an attack; libcurl itself limits a single line only.
    private static let headBytesMax = 64 * 1024

    private let submission: CurlSubmission
    private let handle: UnsafeMutableRawPointer
    private let headers: UnsafeMutablePointer<curl_slist>?
    private var body: [UInt8] = []
    private var headBytes = 0
    private var isTooLarge = false

    private var request: OutboundRequest { submission.request }

    /// Prepares the transfer; nil when libcurl cannot express the request or has no memory.
    init?(_ submission: CurlSubmission) {
        guard let headers = CurlTransfer.headerList(submission.request), let handle = curl_easy_init() else {
            return nil
        }
        self.submission = submission
        self.headers = headers
        self.handle = handle
        configure()
    }

    deinit {
        curl_easy_cleanup(handle)
        curl_slist_free_all(headers)
    }

    func begin(in multi: CurlMulti) {
        curl_multi_add_handle(multi.handle, handle)
    }

    /// Ends a transfer that nobody waits for any more; its connection is closed.
    func abandon(in multi: CurlMulti) {
        curl_multi_remove_handle(multi.handle, handle)
        submission.finish(.failure(.cancelled))
    }

    func finish(_ result: CURLcode, in multi: CurlMulti) {
        var status = 0
        _ = signalbox_curl_get_number(handle, CURLINFO_RESPONSE_CODE, &status)
        let elapsed = microseconds(CURLINFO_TOTAL_TIME_T)
        let outcome: Result<OutboundResponse, OutboundError> =
            result == CURLE_OK
            ? .success(OutboundResponse(status: status, body: body, elapsed: .microseconds(elapsed)))
            : .failure(error(for: result))
        curl_multi_remove_handle(multi.handle, handle)
        submission.finish(outcome)
    }

    /// The id of the submission that an easy handle belongs to.
    static func identifier(of handle: UnsafeMutableRawPointer?) -> UInt64? {
        var pointer: UnsafeMutableRawPointer?
        guard signalbox_curl_get_pointer(handle, CURLINFO_PRIVATE, &pointer) == CURLE_OK, let pointer else {
            return nil
        }
        return Unmanaged<CurlTransfer>.fromOpaque(pointer).takeUnretainedValue().submission.id
    }

    private func configure() {
        let context = Unmanaged.passUnretained(self).toOpaque()
        _ = signalbox_curl_set_pointer(handle, CURLOPT_PRIVATE, context)
        _ = signalbox_curl_set_text(handle, CURLOPT_URL, request.url)
        _ = signalbox_curl_allow_http_only(handle)
        _ = signalbox_curl_set_number(handle, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        _ = signalbox_curl_set_number(handle, CURLOPT_FOLLOWLOCATION, 0)
        _ = signalbox_curl_set_number(handle, CURLOPT_NOSIGNAL, 1)
        _ = signalbox_curl_set_text(handle, CURLOPT_PROXY, "")
        _ = signalbox_curl_set_text(handle, CURLOPT_USERAGENT, "signalbox/\(softwareVersion)")
        _ = signalbox_curl_set_headers(handle, headers)
        _ = signalbox_curl_set_number(handle, CURLOPT_TIMEOUT_MS, request.timeout.millisecondsForCurl)
        _ = signalbox_curl_set_number(handle, CURLOPT_CONNECTTIMEOUT_MS, request.connectTimeout.millisecondsForCurl)
        if request.method == .post {
            _ = signalbox_curl_set_number(handle, CURLOPT_POST, 1)
            _ = signalbox_curl_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count))
            _ = request.body.withUnsafeBytes {
                signalbox_curl_set_pointer(handle, CURLOPT_COPYPOSTFIELDS, $0.baseAddress ?? UnsafeRawPointer(context))
            }
        }
        if let silence = request.silenceMax {
            let seconds = max(Int(silence.components.seconds), 1)
            _ = signalbox_curl_set_number(handle, CURLOPT_LOW_SPEED_LIMIT, 1)
            _ = signalbox_curl_set_number(handle, CURLOPT_LOW_SPEED_TIME, seconds)
        }
        if let tls = request.tls { configure(tls) }
        _ = signalbox_curl_set_pointer(handle, CURLOPT_WRITEDATA, context)
        _ = signalbox_curl_set_receiver(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            let transfer = Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
            return transfer.receiveBody(UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
        _ = signalbox_curl_set_pointer(handle, CURLOPT_HEADERDATA, context)
        _ = signalbox_curl_set_receiver(handle, CURLOPT_HEADERFUNCTION) { _, size, count, context in
            guard let context else { return 0 }
            return Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue().receiveHead(size * count)
        }
    }

    private func configure(_ tls: OutboundTLS) {
        if let authorities = tls.authorities {
            setBlob(CURLOPT_CAINFO_BLOB, authorities)
            // Without this the system's folder of authorities counts beside them.
            _ = signalbox_curl_set_pointer(handle, CURLOPT_CAPATH, nil)
        }
        if let identity = tls.identity {
            setBlob(CURLOPT_SSLCERT_BLOB, identity.certificate)
            setBlob(CURLOPT_SSLKEY_BLOB, identity.key)
        }
        if !tls.verifiesServer {
            _ = signalbox_curl_set_number(handle, CURLOPT_SSL_VERIFYPEER, 0)
            _ = signalbox_curl_set_number(handle, CURLOPT_SSL_VERIFYHOST, 0)
        }
    }

    /// libcurl makes a copy.
    private func setBlob(_ option: CURLoption, _ bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes { signalbox_curl_set_blob(handle, option, $0.baseAddress, $0.count) }
    }

    /// Returns how many bytes were taken; any other number than all makes libcurl end the transfer.
    private func receiveBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        if let receive = request.receive, isSuccess { return receive(bytes) ? bytes.count : 0 }
        guard body.count + bytes.count <= request.responseBytesMax else {
            isTooLarge = true
            return 0
        }
        body.append(contentsOf: bytes)
        return bytes.count
    }

    private func receiveHead(_ count: Int) -> Int {
        headBytes += count
        guard headBytes <= CurlTransfer.headBytesMax else {
            isTooLarge = true
            return 0
        }
        return count
    }

    private func error(for result: CURLcode) -> OutboundError {
        let url = request.url
        switch result {
        case CURLE_COULDNT_CONNECT where systemError() == ECONNREFUSED:
            return OutboundError(code: .refused, message: "Nothing listens at \(url) (connection refused).")
        case CURLE_COULDNT_CONNECT where CurlTransfer.localErrors.contains(systemError()):
            return OutboundError(
                code: .unreachable,
                message: "There is no way to \(url): \(String(cString: strerror(systemError())))."
            )
        case CURLE_WRITE_ERROR where request.receive != nil:
            return OutboundError(code: .tooLarge, message: "The answer of \(url) was not taken to its end.")
        case CURLE_OPERATION_TIMEDOUT where microseconds(CURLINFO_CONNECT_TIME_T) == 0:
            return OutboundError(code: .timeout, message: "No connection to \(url) could be opened in time.")
        case CURLE_OPERATION_TIMEDOUT where isSilent:
            return OutboundError(code: .timeout, message: "\(url) said nothing for \(request.silenceMax ?? .zero).")
        case CURLE_OPERATION_TIMEDOUT:
            return OutboundError(code: .timeout, message: "\(url) did not answer within \(request.timeout).")
        case CURLE_COULDNT_RESOLVE_HOST:
            return OutboundError(code: .resolve, message: "The host name of \(url) has no address.")
        case CURLE_WRITE_ERROR where isTooLarge:
            let limit = request.responseBytesMax
            return OutboundError(code: .tooLarge, message: "The answer of \(url) is longer than \(limit) bytes.")
        case CURLE_OUT_OF_MEMORY:
            // This is also what libcurl says of a line that is longer than it wants to keep.
            let reason = "has a head that is too long, or there was no memory for it"
            return OutboundError(code: .tooLarge, message: "The answer of \(url) \(reason).")
        default:
            let reason = String(cString: curl_easy_strerror(result))
            return OutboundError(code: .other, message: "The request to \(url) failed: \(reason).")
        }
    }

    /// The system could not even ask: no route, no interface, no descriptor, no port, no memory.
    private static let localErrors: Set<Int32> = [
        ENETUNREACH, EHOSTUNREACH, ENETDOWN, EADDRNOTAVAIL, EMFILE, ENFILE, ENOBUFS, ENOMEM,
    ]

    /// The limit of silence ended it, and not that of the whole.
    private var isSilent: Bool {
        request.silenceMax != nil && microseconds(CURLINFO_TOTAL_TIME_T) < request.timeout.millisecondsForCurl * 1000
    }

    private var isSuccess: Bool {
        var status = 0
        _ = signalbox_curl_get_number(handle, CURLINFO_RESPONSE_CODE, &status)
        return (200..<300).contains(status)
    }

    private func systemError() -> Int32 {
        var number = 0
        _ = signalbox_curl_get_number(handle, CURLINFO_OS_ERRNO, &number)
        return Int32(truncatingIfNeeded: number)
    }

    private func microseconds(_ information: CURLINFO) -> Int {
        var value: curl_off_t = 0
        _ = signalbox_curl_get_size(handle, information, &value)
        return Int(value)
    }

    /// The request's headers; `Expect` is switched off so that no server makes a body wait for its 100.
    ///
    /// Nil when a header would break out of its line.
    private static func headerList(_ request: OutboundRequest) -> UnsafeMutablePointer<curl_slist>? {
        var lines = ["Expect:"]
        for (name, value) in request.headers {
            guard !(name + value).utf8.contains(where: { $0 == 0x0A || $0 == 0x0D || $0 == 0 }) else { return nil }
            lines.append(value.isEmpty ? "\(name);" : "\(name): \(value)")
        }
        if request.method == .post && !request.headers.contains(where: { $0.0.lowercased() == "content-type" }) {
            lines.append("Content-Type:")
        }
        var list: UnsafeMutablePointer<curl_slist>?
        for line in lines { list = curl_slist_append(list, line) }
        return list
    }
}

extension Duration {
    /// Whole milliseconds, at least 1: libcurl takes 0 as no limit.
    fileprivate var millisecondsForCurl: Int {
        let (seconds, attoseconds) = components
        let milliseconds = min(max(seconds, 0), 1_000_000) * 1000 + attoseconds / 1_000_000_000_000_000
        return Int(max(milliseconds, 1))
    }
}
