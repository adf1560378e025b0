/// Follows a message's body to its end, whatever its framing is.
public struct BodyFramer: Sendable {
    private enum State {
        case none
        case length(remaining: Int)
        case chunked(ChunkedDecoder)
        case untilClose
    }

    private var state: State

    public init(_ framing: BodyFraming) {
        state =
            switch framing {
            case .none: .none
            case .length(let bytes): .length(remaining: bytes)
            case .chunked: .chunked(ChunkedDecoder())
            case .untilClose: .untilClose
            }
    }

    /// Content bytes that are known to come; nil when only the end will tell.
    public var remainingBytes: Int? {
        switch state {
        case .none: 0
        case .length(let remaining): remaining
        case .chunked, .untilClose: nil
        }
    }

    /// Content bytes that are announced by now: all of a body of known length, the rest of the present chunk.
    public var announcedBytes: Int {
        switch state {
        case .none, .untilClose: 0
        case .length(let remaining): remaining
        case .chunked(let decoder): decoder.announcedBytes
        }
    }

    /// Whether the end of the connection is the end of the body.
    public var endsWithConnection: Bool {
        if case .untilClose = state { return true }
        return false
    }

    /// Goes on reading `bytes` at `position`, which is moved behind what was read.
    public mutating func next(
        _ bytes: borrowing Span<UInt8>,
        at position: inout Int,
        limits: HTTPLimits
    ) throws(HTTPFault) -> ChunkedDecoder.Step {
        switch state {
        case .none: return .end
        case .length(let remaining):
            guard remaining > 0 else { return .end }
            guard position < bytes.count else { return .needMore }
            let count = min(remaining, bytes.count - position)
            defer { position += count }
            state = .length(remaining: remaining - count)
            return .data(position..<position + count)
        case .chunked(var decoder):
            defer { state = .chunked(decoder) }
            return try decoder.next(bytes, at: &position, limits: limits)
        case .untilClose:
            guard position < bytes.count else { return .needMore }
            defer { position = bytes.count }
            return .data(position..<bytes.count)
        }
    }
}
