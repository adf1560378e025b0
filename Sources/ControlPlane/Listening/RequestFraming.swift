import NIOHTTP1

/// How the head of a request says where its body ends; two parties that disagree about it let requests be smuggled.
struct RequestFraming {
    var version: HTTPVersion
    /// Every value of `Transfer-Encoding`, one for each field line.
    var transferEncodings: [String]
    var hasContentLength: Bool

    init(version: HTTPVersion, transferEncodings: [String], hasContentLength: Bool) {
        self.version = version
        self.transferEncodings = transferEncodings
        self.hasContentLength = hasContentLength
    }

    init(of head: HTTPRequestHead) {
        self.init(
            version: head.version,
            transferEncodings: head.headers["Transfer-Encoding"],
            hasContentLength: head.headers.contains(name: "Content-Length")
        )
    }

    /// Whether the end of the body is beyond doubt (RFC 9112 6.1 and 6.3): a transfer encoding is only `chunked`, alone,
    /// and only in HTTP/1.1.
    var isUnambiguous: Bool {
        guard let encoding = transferEncodings.first else { return true }
        return transferEncodings.count == 1 && encoding.lowercased() == "chunked" && !hasContentLength
            && version == .http1_1
    }
}
