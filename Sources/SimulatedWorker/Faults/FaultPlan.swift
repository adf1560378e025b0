/// The faults in force, and what they do to each request.
struct FaultPlan {
    /// What is to be done to one request; the default is nothing.
    struct Decision: Hashable, Sendable {
        var status: Int?
        var delayHead: Duration = .zero
        var ending: Fault.Ending?
        /// Events written before `ending`; nil means before the head.
        var endingAfterEvents: Int?

        /// The request is served as it should be.
        static let none = Decision()
    }

    /// What is to be done about new connections.
    struct AcceptRule: Hashable, Sendable {
        /// The listening socket is closed.
        var refuses = false
        /// Each connection is accepted so late.
        var delay: Duration = .zero
    }

    /// A fault in force.
    struct Entry: Hashable {
        let number: Int
        var fault: Fault
        /// When it ends; nil means never.
        let end: Duration?
    }

    /// Faults held at most; more are refused.
    static let entriesMax = 100

    private(set) var entries: [Entry] = []
    private var nextNumber = 1

    /// When the next fault ends by itself; nil when none does.
    var nextEnd: Duration? { entries.compactMap(\.end).min() }

    /// Puts a fault in force and returns its number.
    mutating func add(_ fault: Fault, at now: Duration) throws(FaultError) -> Int {
        guard entries.count < FaultPlan.entriesMax else {
            throw FaultError("At most \(FaultPlan.entriesMax) faults can be set; remove some with DELETE /faults.")
        }
        let number = nextNumber
        nextNumber += 1
        entries.append(Entry(number: number, fault: fault, end: fault.duration.map { now + $0 }))
        return number
    }

    /// Ends one fault, or all when `number` is nil; returns how many.
    mutating func remove(number: Int? = nil) -> Int {
        let before = entries.count
        entries.removeAll { number == nil || $0.number == number }
        return before - entries.count
    }

    /// Ends the faults whose time is over.
    mutating func expire(at now: Duration) {
        guard let nextEnd, nextEnd <= now else { return }
        entries.removeAll { entry in entry.end.map { $0 <= now } ?? false }
    }

    /// Decides about one request; a fault with a count is used up by it.
    ///
    /// `generates` says whether the path is one of those that a fault without a path means.
    mutating func decide(
        path: String,
        generates: Bool,
        at now: Duration,
        using generator: inout some RandomNumberGenerator
    ) -> Decision {
        guard !entries.isEmpty else { return .none }
        expire(at: now)
        var decision = Decision.none
        for position in entries.indices {
            let fault = entries[position].fault
            guard fault.affectsRequests, fault.count != 0, fault.path.map(path.hasPrefix) ?? generates else { continue }
            guard fault.probability >= 1 || Double.random(in: 0..<1, using: &generator) < fault.probability else {
                continue
            }
            if let count = fault.count { entries[position].fault.count = count - 1 }
            decision.status = fault.status ?? decision.status
            decision.delayHead = max(decision.delayHead, fault.delayHead)
            if let ending = fault.ending {
                decision.ending = ending
                decision.endingAfterEvents = fault.endingAfterEvents
            }
        }
        entries.removeAll { $0.fault.count == 0 }
        return decision
    }

    /// What `/health` answers: a status of its own, and how late.
    mutating func health(at now: Duration) -> (status: Int?, delay: Duration) {
        expire(at: now)
        let status = entries.last { $0.fault.healthStatus != nil }?.fault.healthStatus
        return (status, entries.map(\.fault.delayHealth).max() ?? .zero)
    }

    /// What is to be done about new connections.
    mutating func acceptRule(at now: Duration) -> AcceptRule {
        expire(at: now)
        return AcceptRule(
            refuses: entries.contains { $0.fault.refuses },
            delay: entries.map(\.fault.slowAccept).max() ?? .zero
        )
    }
}
