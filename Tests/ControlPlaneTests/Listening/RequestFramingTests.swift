import NIOHTTP1
import Testing

@testable import ControlPlane

@Suite("The framing of a request")
struct RequestFramingTests {
    private func isUnambiguous(
        _ encodings: [String],
        version: HTTPVersion = .http1_1,
        hasContentLength: Bool = false
    ) -> Bool {
        RequestFraming(version: version, transferEncodings: encodings, hasContentLength: hasContentLength).isUnambiguous
    }

    @Test("without a transfer encoding is unambiguous in every version", arguments: [HTTPVersion.http1_0, .http1_1])
    func lengthOnly(version: HTTPVersion) {
        #expect(isUnambiguous([], version: version))
        #expect(isUnambiguous([], version: version, hasContentLength: true))
    }

    @Test("allows the coding chunked alone, in any case", arguments: ["chunked", "Chunked", "CHUNKED"])
    func chunked(encoding: String) {
        #expect(isUnambiguous([encoding]))
    }

    @Test(
        "refuses every other coding",
        arguments: [
            "", "gzip", "identity", "gzip, chunked", "chunked, chunked", "chunked;a=b", "chunked,", "\u{A0}chunked",
        ]
    )
    func otherCoding(encoding: String) {
        #expect(!isUnambiguous([encoding]))
    }

    @Test("refuses a transfer encoding in HTTP/1.0, twice, or beside a Content-Length")
    func conflicts() {
        #expect(!isUnambiguous(["chunked"], version: .http1_0))
        #expect(!isUnambiguous(["chunked", "chunked"]))
        #expect(!isUnambiguous(["chunked"], hasContentLength: true))
    }

    @Test("is read from the raw fields of a head")
    func head() {
        let fields = HTTPHeaders([("transfer-encoding", "gzip, chunked"), ("CONTENT-LENGTH", "1")])
        let framing = RequestFraming(of: HTTPRequestHead(version: .http1_0, method: .POST, uri: "/", headers: fields))
        #expect(framing.version == .http1_0)
        #expect(framing.transferEncodings == ["gzip, chunked"])
        #expect(framing.hasContentLength)
    }
}
