import Testing

@testable import DataPlaneCore

struct SpanSearchTests {
    /// Texts of up to four words in which one byte differs, at every place: the words and the rest are all met.
    private func forEveryPlace(of bytes: [UInt8], _ check: (_ text: [UInt8], _ place: Int) -> Void) {
        for length in [0, 1, 7, 8, 9, 15, 16, 17, 31] {
            for byte in bytes {
                for place in 0..<length {
                    var text = [UInt8](repeating: 0x61, count: length)
                    text[place] = byte
                    check(text, place)
                }
            }
            check([UInt8](repeating: 0x61, count: length), length)
        }
    }

    @Test("A token ends at the first byte that is none of its own, wherever it began")
    func tokenEnd() {
        forEveryPlace(of: Array(UInt8.min...UInt8.max)) { text, place in
            let isToken = place == text.count || ASCII.isTokenByte(text[place])
            for start in [0, min(3, place)] {
                #expect(text.tokenEnd(from: start) == (isToken ? text.count : place))
            }
        }
    }

    @Test("A field value ends at the first byte that may not stand in one, wherever it began")
    func fieldValueEnd() {
        forEveryPlace(of: Array(UInt8.min...UInt8.max)) { text, place in
            let isAllowed = place == text.count || ASCII.isFieldValueByte(text[place])
            for start in [0, min(3, place)] {
                #expect(text.fieldValueEnd(from: start) == (isAllowed ? text.count : place))
            }
        }
    }

    @Test("A byte is found in its range and not outside")
    func firstIndex() {
        forEveryPlace(of: [0x0A]) { text, place in
            let isThere = place < text.count
            #expect(text.firstIndex(of: 0x0A, in: 0..<text.count) == (isThere ? place : nil))
            #expect(text.firstIndex(of: 0x0A, in: 0..<place) == nil)
            let behind = min(place + 1, text.count)
            #expect(text.firstIndex(of: 0x0A, in: behind..<text.count) == nil)
        }
        #expect([0x0A, 0x0A].firstIndex(of: 0x0A, in: 0..<2) == 0)
    }

    @Test(
        "White space is taken from both ends only",
        arguments: [
            ("", ""), (" \t", ""), ("a", "a"), (" \ta b\t ", "a b"), ("\ta", "a"), ("a ", "a"), ("\u{B}a", "\u{B}a"),
        ]
    )
    func trimmed(text: String, expected: String) {
        let bytes = Array(text.utf8)
        #expect(Array(bytes[bytes.trimmed(0..<bytes.count)]) == Array(expected.utf8))
    }

    @Test("A line end is CR and LF, both in bounds")
    func lineEnd() {
        let bytes = Array("a\r\nb\r".utf8)
        #expect((0..<5).filter { bytes.hasLineEnd(at: $0) } == [1])
    }
}

/// The macros of the tests take no spans.
extension [UInt8] {
    fileprivate func tokenEnd(from start: Int) -> Int { span.tokenEnd(from: start) }
    fileprivate func fieldValueEnd(from start: Int) -> Int { span.fieldValueEnd(from: start) }
    fileprivate func firstIndex(of byte: UInt8, in range: Range<Int>) -> Int? { span.firstIndex(of: byte, in: range) }
    fileprivate func trimmed(_ range: Range<Int>) -> Range<Int> { span.trimmed(range) }
    fileprivate func hasLineEnd(at index: Int) -> Bool { span.hasLineEnd(at: index) }
}
