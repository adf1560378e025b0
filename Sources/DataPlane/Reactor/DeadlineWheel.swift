import DataPlaneCore

/// Deadlines of connections in slots of time: setting one costs no allocation and moving one later costs nothing.
///
/// A connection has at most one live entry. When an entry comes due before the connection's deadline it is filed again,
/// so that a deadline that moves with every byte does not touch the wheel.
struct DeadlineWheel {
    /// Width of a slot: deadlines are late by at most this.
    static let slotMilliseconds = 50
    /// One turn is 25.6 s; what is due later is filed at its end, and then again.
    private static let slotCount = 512

    private var slots: [[ConnectionID]] = Array(repeating: [], count: slotCount)
    /// The slot number, counted from the clock's zero, up to which everything has been taken.
    private var taken: Int
    private(set) var count = 0

    init(now: MonotonicTime) {
        taken = now.milliseconds / DeadlineWheel.slotMilliseconds
    }

    /// Files a connection under a time, or under the farthest one that the wheel has.
    ///
    /// - Returns: the time at which it will be taken.
    mutating func insert(_ id: ConnectionID, at time: MonotonicTime, now: MonotonicTime) -> MonotonicTime {
        if count == 0 { taken = max(taken, now.milliseconds / DeadlineWheel.slotMilliseconds) }
        let wanted = max(taken + 1, time.milliseconds / DeadlineWheel.slotMilliseconds + 1)
        let slot = min(wanted, taken + DeadlineWheel.slotCount - 1)
        slots[slot % DeadlineWheel.slotCount].append(id)
        count += 1
        return MonotonicTime(milliseconds: slot * DeadlineWheel.slotMilliseconds)
    }

    /// Moves everything that is due to `due`.
    mutating func take(until now: MonotonicTime, into due: inout [ConnectionID]) {
        let current = now.milliseconds / DeadlineWheel.slotMilliseconds
        if count == 0 {
            taken = max(taken, current)
            return
        }
        var turns = 0
        while taken < current && turns < DeadlineWheel.slotCount {
            taken += 1
            turns += 1
            let slot = taken % DeadlineWheel.slotCount
            guard !slots[slot].isEmpty else { continue }
            count -= slots[slot].count
            due.append(contentsOf: slots[slot])
            slots[slot].removeAll(keepingCapacity: slots[slot].capacity <= 256)
        }
        taken = max(taken, current)
    }
}
