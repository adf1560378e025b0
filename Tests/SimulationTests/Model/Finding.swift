/// An invariant (architecture section 9) that does not hold.
struct Finding: Error, CustomStringConvertible {
    var invariant: Int
    var message: String

    var description: String { "invariant \(invariant): \(message)" }
}

/// A bug that is planted into the simulated surroundings of the real code, to prove that it is found.
enum Plant: String, CaseIterable {
    /// A commit that a crash interrupts keeps its rows without their audit row.
    case lostAudit = "lost-audit"
    /// A control plane comes back with an older database, and a data plane has forgotten what it had applied.
    case lowerSequence = "lower-sequence"
    /// A snapshot shows rows of another version.
    case mixedVersion = "mixed-version"
    /// A connection is opened to the address that another table has in the place of the picked worker.
    case mixedTables = "mixed-tables"
    /// A thread goes on with its old table after the new one was acknowledged.
    case staleTable = "stale-table"
    /// A breaker that is open is forgotten, so that its worker gets requests before its time.
    case forgottenBreaker = "forgotten-breaker"
    /// A request that has ended stays counted at its worker.
    case leakedLoad = "leaked-load"
    /// The time limits of connections to workers never fire.
    case lostDeadline = "lost-deadline"

    /// The invariant that it breaks.
    var invariant: Int {
        switch self {
        case .lostAudit, .mixedVersion: 1
        case .lowerSequence: 2
        case .mixedTables: 3
        case .staleTable, .forgottenBreaker: 4
        case .leakedLoad: 5
        case .lostDeadline: 6
        }
    }
}
