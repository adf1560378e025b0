import Synchronization

/// How many lines of the log were lost since the process began, whatever refused them.
final class LogLosses: Sendable {
    static let shared = LogLosses()

    private let lines = Atomic<Int>(0)

    var count: Int { lines.load(ordering: .relaxed) }

    func add(_ lost: Int) {
        lines.add(lost, ordering: .relaxed)
    }
}
