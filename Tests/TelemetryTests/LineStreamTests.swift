import Glibc
import Testing

@testable import Telemetry

@Suite("A stream of lines") struct LineStreamTests {
    private static func pipes() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        return (ends[0], ends[1])
    }

    private static func drain(_ descriptor: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        let count = read(descriptor, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }

    private static func put(_ stream: LineStream, _ text: String) {
        Array(text.utf8).withUnsafeBytes { stream.write($0) { "lost \($0)\n" } }
    }

    @Test("A reader that hangs costs lines, not time, and is told how many")
    func hangs() throws {
        let (reader, writer) = try LineStreamTests.pipes()
        defer { close(reader) }
        let losses = LogLosses()
        let stream = LineStream(descriptor: writer, losses: losses)
        let line = String(repeating: "x", count: 99) + "\n"
        let began = ContinuousClock.now
        // Ten times what a pipe holds.
        for _ in 0..<6_553 { LineStreamTests.put(stream, line) }
        #expect(ContinuousClock.now - began < .seconds(5))
        let first = LineStreamTests.drain(reader)
        #expect(first.hasSuffix(line) && first.count % 100 == 0)
        LineStreamTests.put(stream, "again\n")
        let lost = 6_553 - first.count / 100
        #expect(losses.count == lost)
        #expect(lost > 5_000 && LineStreamTests.drain(reader) == "lost \(lost)\nagain\n")
        close(writer)
    }

    @Test("Many lines at once arrive whole and in order, longer ones too")
    func pieces() throws {
        let (reader, writer) = try LineStreamTests.pipes()
        defer { close(reader) }
        let stream = LineStream(descriptor: writer)
        var text = ""
        for number in 0..<300 { text += "line \(number)\n" }
        text += String(repeating: "y", count: 5_000) + "\nend\n"
        LineStreamTests.put(stream, text)
        #expect(LineStreamTests.drain(reader) == text)
        close(writer)
    }

    @Test("Lines that a full disk refuses are counted")
    func full() throws {
        let descriptor = open("/dev/full", O_WRONLY)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let losses = LogLosses()
        let stream = LineStream(descriptor: descriptor, losses: losses)
        LineStreamTests.put(stream, "one\ntwo\n")
        LineStreamTests.put(stream, "three\n")
        #expect(losses.count == 3)
    }

    @Test("A stream that is closed is no trap")
    func closed() {
        // No number that another test gets meanwhile.
        LineStreamTests.put(LineStream(descriptor: 1 << 20), "nobody reads this\n")
    }
}
