/// Which counters of one sender were accepted, so that none is twice: a sliding window as in RFC 4303, section 3.4.3.
/// Datagrams that overtake one another are accepted as long as they are within it.
struct ReplayWindow: Equatable {
    /// Counters below the highest one that can still be told apart, itself included.
    static let width: UInt64 = 64

    private(set) var highest: UInt64 = 0
    /// Bit n: the counter `highest - n` was accepted.
    private var accepted: UInt64 = 0

    /// True when `counter` was not accepted before; it is accepted now. Counters begin at 1.
    mutating func accept(_ counter: UInt64) -> Bool {
        guard counter > 0 else { return false }
        if counter > highest {
            let step = counter - highest
            accepted = step < ReplayWindow.width ? accepted << step | 1 : 1
            highest = counter
            return true
        }
        let age = highest - counter
        guard age < ReplayWindow.width, accepted & (1 << age) == 0 else { return false }
        accepted |= 1 << age
        return true
    }
}
