import Testing

@testable import DataPlane

struct HTTPDateTests {
    @Test(
        "A time is written as RFC 9110 says",
        arguments: [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (1_795_539_600, "Tue, 24 Nov 2026 17:00:00 GMT"),
        ]
    )
    func text(time: Int, text: String) {
        #expect(HTTPDate.text(time) == text)
    }
}
