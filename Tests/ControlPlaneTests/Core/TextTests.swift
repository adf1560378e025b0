import Testing

@testable import ControlPlaneCore

@Suite("Texts of requests")
struct TextTests {
    @Test("A query is decoded as forms encode it")
    func query() {
        let query = QueryString("url=http%3A%2F%2Fh%3A1&a+b=c+d&flag&x=1=2&x=3")
        #expect(query["url"] == "http://h:1")
        #expect(query["a b"] == "c d")
        #expect(query["flag"] == "")
        #expect(query["x"] == "1=2")
        #expect(query.count(of: "x") == 2)
        #expect(query["missing"] == nil)
    }

    @Test("What is no escape stays as it is", arguments: ["%", "%4", "%zz", "a%"])
    func badEscapes(text: String) {
        #expect(PercentCoding.decoded(text[...]) == text)
    }

    @Test("Bytes that are not UTF-8 become replacement characters")
    func invalidText() {
        #expect(PercentCoding.decoded("%ff%41") == "\u{FFFD}A")
    }

    @Test("A request id of a client is taken when it is short and plain")
    func requestIDs() {
        #expect(RequestIDText.isAcceptable("req-1.A_b:c"))
        #expect(RequestIDText.isAcceptable(String(repeating: "a", count: 128)))
        for text in ["", "a b", "a\n", "ü", String(repeating: "a", count: 129)] {
            #expect(!RequestIDText.isAcceptable(text))
        }
    }

    @Test("A stated source address is taken when it can be one")
    func sourceAddresses() {
        for text in ["10.0.0.7", "::1", "fe80::1%eth0"] { #expect(SourceAddressText.isAcceptable(text)) }
        for text in ["", "a b", "<x>", String(repeating: "1", count: 65)] {
            #expect(!SourceAddressText.isAcceptable(text))
        }
    }

    @Test("A worker is named by its id or its URL")
    func references() throws {
        let id = "140cd954-0000-4000-8000-000000000000"
        #expect(try WorkerReference(id.uppercased()) == WorkerReference(id))
        #expect(try WorkerReference("http://h:80") == WorkerReference("HTTP://H/"))
        #expect(throws: WorkerReferenceError.self) { try WorkerReference("abc") }
    }

    @Test(
        "A load is the sum over the ranks, of one object, or -1",
        arguments: [
            (#"[{"num_tokens":40},{"num_tokens":2}]"#, 42), (#"{"num_tokens":7}"#, 7), (#"{"load":5}"#, 5),
            ("[]", -1), ("{}", -1), ("no", -1), (#"[{"x":1}]"#, -1), (#"{"load":"many"}"#, -1),
        ]
    )
    func loads(text: String, expected: Int) {
        #expect(LoadAnswer.load(Array(text.utf8)) == expected)
    }
}
