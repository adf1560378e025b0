import NIOHTTP1

/// What the head of a request asks of its connection: whether it may be served at all, whether the connection stays, and
/// whether the client waits before it sends the body.
struct RequestTerms: Hashable {
    /// The status of the refusal; nil: the request may be served.
    var refusal: HTTPResponseStatus?
    var isHTTP10: Bool
    /// Whether the connection may stay open behind the answer (RFC 9112 section 9.3).
    var isPersistent: Bool
    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 section 10.1.1).
    var awaitsContinue: Bool

    init(of head: HTTPRequestHead) {
        let options = head.headers[canonicalForm: "Connection"].map { $0.lowercased() }
        isHTTP10 = head.version == .http1_0
        isPersistent = !options.contains("close") && (!isHTTP10 || options.contains("keep-alive"))
        // HTTP/1.0 knows no expectations: they are ignored there, whatever they say.
        let expectations = isHTTP10 ? [] : head.headers[canonicalForm: "Expect"].map { $0.lowercased() }
        let hasBody =
            head.headers.contains(name: "Transfer-Encoding")
            || head.headers["Content-Length"].contains { $0 != "0" }
        awaitsContinue = !expectations.isEmpty && hasBody
        if !RequestFraming(of: head).isUnambiguous || !RequestTerms.namesHost(head) {
            refusal = .badRequest
        } else if expectations.contains(where: { $0 != "100-continue" }) {
            refusal = .expectationFailed
        }
    }

    /// Exactly one host in HTTP/1.1, at most one in HTTP/1.0, and a valid one (RFC 9112 section 3.2).
    private static func namesHost(_ head: HTTPRequestHead) -> Bool {
        let hosts = head.headers["Host"]
        guard let host = hosts.first else { return head.version == .http1_0 }
        return hosts.count == 1 && HostField.isValid(host)
    }
}
