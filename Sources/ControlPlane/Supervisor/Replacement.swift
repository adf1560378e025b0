/// The replacement of all data planes, one after the other, as a value.
///
/// A successor with the same listening socket is started and must become ready before its predecessor is told to stop, so
/// that at no time fewer serve than before. A successor that does not become ready ends the replacement; its predecessor
/// stays.
struct Replacement: Hashable, Sendable {
    typealias Instant = ContinuousClock.Instant

    /// The data planes that are still to be replaced, after the present one.
    private(set) var remaining: [ChildName]
    private(set) var predecessor: ChildName
    private(set) var successor: ChildName
    /// When the successor must be ready.
    private(set) var deadline: Instant

    /// - Parameters:
    ///   - dataPlanes: all that run, at least one.
    ///   - number: the number of the first successor.
    init?(of dataPlanes: [ChildName], number: Int, deadline: Instant) {
        guard let first = dataPlanes.first else { return nil }
        remaining = Array(dataPlanes.dropFirst())
        predecessor = first
        successor = .dataPlane(number)
        self.deadline = deadline
    }

    /// Goes on to the next data plane; false when none is left.
    mutating func next(number: Int, deadline: Instant) -> Bool {
        guard !remaining.isEmpty else { return false }
        predecessor = remaining.removeFirst()
        successor = .dataPlane(number)
        self.deadline = deadline
        return true
    }
}
