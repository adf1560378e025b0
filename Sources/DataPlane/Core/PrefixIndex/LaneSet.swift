/// A set of workers by their lanes, small numbers that are given to one incarnation at a time.
struct LaneSet: Sendable, Hashable {
    /// Lanes that there are; workers beyond that are not known to the index.
    static let lanesMax = 256

    private var a: UInt64 = 0
    private var b: UInt64 = 0
    private var c: UInt64 = 0
    private var d: UInt64 = 0

    init() {}

    var isEmpty: Bool { a | b | c | d == 0 }

    func contains(_ lane: Int) -> Bool { self[word: lane >> 6] >> UInt64(lane & 63) & 1 == 1 }

    mutating func insert(_ lane: Int) { self[word: lane >> 6] |= 1 << UInt64(lane & 63) }

    mutating func remove(_ lane: Int) { self[word: lane >> 6] &= ~(1 << UInt64(lane & 63)) }

    func intersection(_ other: LaneSet) -> LaneSet {
        var result = self
        result.a &= other.a
        result.b &= other.b
        result.c &= other.c
        result.d &= other.d
        return result
    }

    func subtracting(_ other: LaneSet) -> LaneSet {
        var result = self
        result.a &= ~other.a
        result.b &= ~other.b
        result.c &= ~other.c
        result.d &= ~other.d
        return result
    }

    /// Calls `body` with each lane, in order.
    @inline(__always)
    func forEach(_ body: (Int) -> Void) {
        for word in 0..<4 {
            var bits = self[word: word]
            while bits != 0 {
                body(word << 6 | bits.trailingZeroBitCount)
                bits &= bits - 1
            }
        }
    }

    @inline(__always)
    private subscript(word index: Int) -> UInt64 {
        get {
            switch index {
            case 0: a
            case 1: b
            case 2: c
            default: d
            }
        }
        set {
            switch index {
            case 0: a = newValue
            case 1: b = newValue
            case 2: c = newValue
            default: d = newValue
            }
        }
    }
}
