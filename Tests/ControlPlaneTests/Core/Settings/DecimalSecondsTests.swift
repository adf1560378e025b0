import ControlPlaneCore
import Testing

@Suite("Seconds as text")
struct DecimalSecondsTests {
    @Test(
        "are whole milliseconds",
        arguments: [("0", 0), ("1", 1000), ("0.25", 250), (".5", 500), ("0.001", 1), ("90", 90_000), ("007.10", 7100)]
    )
    func milliseconds(text: String, milliseconds: Int) {
        #expect(DecimalSeconds.milliseconds(text) == milliseconds)
    }

    @Test(
        "are nothing else",
        arguments: ["", ".", "1.", "-1", "+1", "1e3", "0.0001", "1.2.3", " 1", "1s", "١", "9223372036854775807"]
    )
    func refused(text: String) {
        #expect(DecimalSeconds.milliseconds(text) == nil)
    }

    @Test("are written as short as they can be", arguments: [(0, "0"), (1, "0.001"), (250, "0.25"), (60_000, "60")])
    func text(milliseconds: Int, text: String) {
        #expect(DecimalSeconds.text(milliseconds: milliseconds) == text)
        #expect(DecimalSeconds.milliseconds(text) == milliseconds)
    }
}
