import Testing

@testable import Telemetry

@Suite("Repeated events") struct RepeatLimitTests {
    @Test("Of equal messages some are written, and the others told when the window is over")
    func repeats() {
        var limit = RepeatLimit()
        let written = (0..<30).map { limit.take("down", at: Int64($0)).isWritten }
        #expect(
            written.count { $0 } == RepeatLimit.writtenMax && written.prefix(RepeatLimit.writtenMax).allSatisfy { $0 }
        )
        let other = limit.take("up", at: 31)
        #expect(other.isWritten && other.told.isEmpty)
        let later = limit.take("up", at: RepeatLimit.windowMilliseconds)
        #expect(later.isWritten)
        #expect(later.told == [RepeatLimit.Held(message: "down", count: 30 - RepeatLimit.writtenMax)])
        #expect(limit.take("down", at: RepeatLimit.windowMilliseconds + 1).isWritten)
    }

    @Test("What is held back when the process ends is told, once")
    func end() {
        var limit = RepeatLimit()
        #expect(!limit.isHolding)
        for _ in 0..<RepeatLimit.writtenMax { _ = limit.take("down", at: 1) }
        #expect(!limit.isHolding)
        for _ in 0..<3 { _ = limit.take("down", at: 2) }
        #expect(limit.isHolding)
        #expect(limit.toldAtEnd() == [RepeatLimit.Held(message: "down", count: 3)])
        #expect(limit.toldAtEnd().isEmpty && !limit.isHolding)
    }

    @Test("A clock that goes back silences nothing for ever")
    func clock() {
        var limit = RepeatLimit()
        for _ in 0..<20 { _ = limit.take("down", at: 1_000_000_000) }
        let back = limit.take("down", at: 5)
        #expect(back.isWritten && back.told.map(\.count) == [10])
    }

    @Test("Ever new messages are written, and take no more memory")
    func many() {
        var limit = RepeatLimit()
        for number in 0..<10_000 { #expect(limit.take("event \(number)", at: 1).isWritten) }
    }
}
