import Testing

@testable import DataPlaneCore

struct SpanFieldsTests {
    private func fields(_ text: String) -> [String] {
        let bytes = Array(text.utf8)
        let span = bytes.span
        var found: [String] = []
        var index = 0
        while let (name, value) = span.nextField(at: &index) {
            found.append(
                "\(String(decoding: bytes[name], as: UTF8.self))=\(String(decoding: bytes[value], as: UTF8.self))"
            )
        }
        return found
    }

    @Test("Each line gives its name and its value without white space; one without a colon gives nothing")
    func lines() {
        #expect(fields("A: 1\r\nb:\t two words \r\nno field\r\nC:\r\n") == ["A=1", "b=two words", "C="])
        #expect(fields("").isEmpty)
    }
}
