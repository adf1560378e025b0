/// Keeps one fault that is reported again and again from filling a disk: of equal messages some are written, the others
/// counted, and the count is told later. Time comes in as an argument, in milliseconds.
struct RepeatLimit {
    /// Equal messages that are written within ``windowMilliseconds``.
    static let writtenMax = 10
    static let windowMilliseconds: Int64 = 10_000
    /// Messages that are told apart; more are written without a limit.
    static let messagesMax = 256

    /// What was held back of one message.
    struct Held: Hashable {
        var message: String
        var count: Int
    }

    private struct Window {
        var began: Int64
        var written: Int
        var held: Int
    }

    private var windows: [String: Window] = [:]

    /// Takes one event.
    ///
    /// - Returns: whether to write it, and what was held back in windows that are over.
    mutating func take(_ message: String, at now: Int64) -> (isWritten: Bool, told: [Held]) {
        let told = told(at: now)
        guard var window = windows[message] else {
            if windows.count < RepeatLimit.messagesMax {
                windows[message] = Window(began: now, written: 1, held: 0)
            }
            return (true, told)
        }
        let isWritten = window.written < RepeatLimit.writtenMax
        if isWritten { window.written += 1 } else { window.held += 1 }
        windows[message] = window
        return (isWritten, told)
    }

    /// Whether something is held back that nobody was told of.
    var isHolding: Bool { windows.contains { $0.value.held > 0 } }

    /// What was held back in windows that are over.
    mutating func told(at now: Int64) -> [Held] {
        guard !windows.isEmpty else { return [] }
        let time = now - RepeatLimit.windowMilliseconds
        return end { $0.began <= time || $0.began > time + 2 * RepeatLimit.windowMilliseconds }
    }

    /// What was held back so far, whether its window is over or not: the process ends.
    mutating func toldAtEnd() -> [Held] { end { _ in true } }

    private mutating func end(_ isOver: (Window) -> Bool) -> [Held] {
        let over = windows.filter { isOver($0.value) }
        for message in over.keys { windows[message] = nil }
        return over.filter { $0.value.held > 0 }.map { Held(message: $0.key, count: $0.value.held) }
            .sorted { $0.message < $1.message }
    }
}
