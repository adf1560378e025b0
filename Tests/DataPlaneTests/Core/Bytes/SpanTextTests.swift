import Testing

@testable import DataPlaneCore

struct SpanTextTests {
    /// Texts shorter and longer than a word, and of two and three words.
    private static let texts: [StaticString] = [
        "", "t", "te", "host", "expect", "upgrade", "trailer:", "multipart", "connection", "content-lengths1",
        "transfer-encoding", "proxy-authorization", "x-signalbox-source-address", "0123456789-[`{@0123456789",
    ]

    @Test("A text equals itself in any case, and nothing that differs in a single bit", arguments: texts.indices)
    func equality(index: Int) {
        let text = SpanTextTests.texts[index]
        let plain = Array(text.description.utf8)
        let upper = Array(text.description.uppercased().utf8)
        let padded = [0x2F] + plain + [0x2F]
        #expect(padded.equals(1..<padded.count - 1, text))
        #expect(padded.equalsIgnoringCase(1..<padded.count - 1, text))
        #expect(upper.equalsIgnoringCase(0..<upper.count, text))
        #expect(upper.equals(0..<upper.count, text) == (upper == plain))
        for place in plain.indices {
            for bit in 0..<8 {
                var changed = plain
                changed[place] ^= 1 << UInt8(bit)
                let isOtherCase = ASCII.isLetter(plain[place]) && bit == 5
                #expect(!changed.equals(0..<changed.count, text))
                #expect(changed.equalsIgnoringCase(0..<changed.count, text) == isOtherCase)
            }
        }
    }

    @Test("A text of another length is not equal, and a prefix is found only at the beginning")
    func lengths() {
        let bytes = Array("text/event-stream".utf8)
        #expect(!bytes.equals(0..<16, "text/event-stream"))
        #expect(!bytes.equals(0..<17, "text/event-strea"))
        #expect(bytes.hasPrefix(0..<17, "text/"))
        #expect(bytes.hasPrefix(0..<17, "text/event-stream"))
        #expect(!bytes.hasPrefix(1..<17, "text/"))
        #expect(!bytes.hasPrefix(0..<4, "text/"))
    }
}

/// The macros of the tests take no spans.
extension [UInt8] {
    fileprivate func equals(_ range: Range<Int>, _ text: StaticString) -> Bool { span.equals(range, text) }

    fileprivate func equalsIgnoringCase(_ range: Range<Int>, _ text: StaticString) -> Bool {
        span.equalsIgnoringCase(range, text)
    }

    fileprivate func hasPrefix(_ range: Range<Int>, _ text: StaticString) -> Bool { span.hasPrefix(range, text) }
}
