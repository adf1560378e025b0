/// Knows whether a stream of server-sent events stands between two events: the only place where a proxy may add one.
///
/// Lines may end in LF, CR or CR LF (WHATWG HTML, section 9.2.5).
public struct EventBoundary: Sendable {
    private var lineIsEmpty = true
    private var afterCarriageReturn = false
    /// True at the beginning and behind an empty line.
    public private(set) var isBetweenEvents = true

    public init() {}

    /// Takes the next content bytes of the stream.
    public mutating func take(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) {
        // Only the last bytes decide, and an event's end is at most four bytes long.
        let start = max(range.lowerBound, range.upperBound - 4)
        if start > range.lowerBound {
            lineIsEmpty = false
            afterCarriageReturn = false
            isBetweenEvents = false
        }
        for index in start..<range.upperBound { take(bytes[index]) }
    }

    private mutating func take(_ byte: UInt8) {
        switch byte {
        case ASCII.lineFeed where afterCarriageReturn:
            afterCarriageReturn = false
        case ASCII.lineFeed, ASCII.carriageReturn:
            isBetweenEvents = lineIsEmpty
            lineIsEmpty = true
            afterCarriageReturn = byte == ASCII.carriageReturn
        default:
            lineIsEmpty = false
            afterCarriageReturn = false
            isBetweenEvents = false
        }
    }
}
