import Testing

@testable import DataPlaneCore

struct ChunkedDecoderTests {
    /// Decodes `text` in pieces and returns the content, whether it ended, and how many bytes it took.
    private func decode(_ text: String, pieceBytes: Int) throws -> (content: String, ended: Bool, consumed: Int) {
        let bytes = Array(text.utf8)
        var decoder = ChunkedDecoder()
        var content: [UInt8] = []
        var start = 0
        while start < bytes.count {
            let piece = Array(bytes[start..<min(start + pieceBytes, bytes.count)])
            var position = 0
            var goesOn = true
            while goesOn {
                switch try decoder.next(piece.span, at: &position, limits: HTTPLimits()) {
                case .data(let range): content += piece[range]
                case .needMore: goesOn = false
                case .end: return (String(decoding: content, as: UTF8.self), true, start + position)
                }
            }
            start += piece.count
        }
        return (String(decoding: content, as: UTF8.self), false, start)
    }

    @Test("Content comes out the same, wherever it was cut", arguments: [1, 2, 3, 5, 7, 1000])
    func cuts(pieceBytes: Int) throws {
        let text = "3\r\nabc\r\n0A;name=\"x y\"\r\n0123456789\r\n000\r\nX-Trailer: v\r\n\r\nNEXT"
        let result = try decode(text, pieceBytes: pieceBytes)
        #expect(result.content == "abc0123456789")
        #expect(result.ended)
        #expect(result.consumed == text.utf8.count - 4)
    }

    @Test(
        "What is not the grammar is refused",
        arguments: [
            "3\nabc\r\n0\r\n\r\n", "3\rabc", "3 \r\nabc", " 3\r\nabc", "\r\nabc", "g\r\n", "0x3\r\nabc", "-1\r\n",
            "3;a\nabc",
            "3;a\rb\r\nabc", "3\r\nabcX\r\n", "3\r\nabc\n0\r\n\r\n", "10000000000000003\r\nabc", "0\r\nXYGET /\r\n\r\n",
            "0\r\n: v\r\n\r\n", "0\r\nX: v\n\r\n", "3;a=\u{0}\r\nabc", "0\r\n X: v\r\n\r\n",
            String(repeating: "0", count: 33) + "\r\n",
        ]
    )
    func refusals(text: String) {
        #expect(throws: HTTPFault.self) { try decode(text, pieceBytes: 1000) }
        #expect(throws: HTTPFault.self) { try decode(text, pieceBytes: 1) }
    }

    @Test("Extensions and trailers have a limit")
    func limits() {
        let longExtension = "3;" + String(repeating: "a", count: 5000) + "\r\nabc\r\n0\r\n\r\n"
        #expect(throws: HTTPFault(400, "The chunk extensions are too long (--max-chunk-extension-bytes).")) {
            try decode(longExtension, pieceBytes: 100)
        }
        let longTrailer = "0\r\nX: " + String(repeating: "a", count: 9000) + "\r\n\r\n"
        #expect(throws: HTTPFault(431, "The trailer fields are too long.")) { try decode(longTrailer, pieceBytes: 100) }
    }

    @Test("A quoted extension may hold anything but a line's end", arguments: [1, 1000])
    func quotedExtensions(pieceBytes: Int) throws {
        let body = "3;a=\"x;\\\"y\"\r\nabc\r\n0\r\n\r\n"
        #expect(try decode(body, pieceBytes: pieceBytes).content == "abc")
        #expect(throws: HTTPFault.self) { try decode("3;a=\"\r\nabc\r\n0\r\n\r\n", pieceBytes: pieceBytes) }
    }

    @Test("A body with any byte changed means the same whole as byte by byte", arguments: UInt8.min...0x7F)
    func changedBytes(byte: UInt8) {
        let valid = Array("3\r\nabc\r\n00A;n=v\r\n0123456789\r\n0\r\nA: v\r\n\r\nNEXT".utf8)
        for place in valid.indices {
            var changed = valid
            changed[place] = byte
            let text = String(decoding: changed, as: UTF8.self)
            let whole = Result { try decode(text, pieceBytes: 1000) }
            let single = Result { try decode(text, pieceBytes: 1) }
            switch (whole, single) {
            case (.success(let one), .success(let other)): #expect(one == other, "\(text.debugDescription)")
            case (.failure(let one), .failure(let other)):
                #expect(one as? HTTPFault == other as? HTTPFault, "\(text.debugDescription)")
            default: Issue.record("whole and byte by byte differ: \(text.debugDescription)")
            }
        }
    }
}
