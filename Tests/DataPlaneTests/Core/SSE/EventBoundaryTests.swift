import Testing

@testable import DataPlaneCore

struct EventBoundaryTests {
    private func isBetween(after text: String, pieceBytes: Int) -> Bool {
        var boundary = EventBoundary()
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            let end = min(start + pieceBytes, bytes.count)
            boundary.take(bytes.span, start..<end)
            start = end
        }
        return boundary.isBetweenEvents
    }

    @Test(
        "An event ends at an empty line, whatever the line ends are and wherever the stream was cut",
        arguments: [
            ("", true), ("data: x", false), ("data: x\n", false), ("data: x\n\n", true), ("data: x\r\n\r\n", true),
            ("data: x\r\n", false), ("data: x\r\r", true), ("data: x\r", false), ("data: x\n\ndata", false),
            ("data: a\n\ndata: b\n\n", true), ("\n", true), ("data: x\r\n\r", true), ("\n\n\n\n\n", true),
        ],
        [1, 2, 3, 4, 5, 100]
    )
    func boundaries(sample: (text: String, expected: Bool), pieceBytes: Int) {
        #expect(isBetween(after: sample.text, pieceBytes: pieceBytes) == sample.expected)
    }
}
