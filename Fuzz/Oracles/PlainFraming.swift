/// What the framing fields of a head say (RFC 9112 section 6.3), read by an independent reader.
enum PlainFraming: Equatable {
    case none
    case length(Int)
    case chunked

    /// Nil: the fields contradict one another, or are not valid.
    init?(_ head: PlainHead) {
        let lengths = head.values("content-length")
        let codings = head.values("transfer-encoding")
        switch (lengths.count, codings.count) {
        case (0, 0): self = .none
        case (1, 0):
            let digits = lengths[0]
            guard (1...18).contains(digits.count), digits.allSatisfy(PlainHead.isDigit),
                let length = Int(String(decoding: digits, as: UTF8.self))
            else { return nil }
            self = .length(length)
        case (0, 1):
            guard String(decoding: codings[0], as: UTF8.self).lowercased() == "chunked", codings[0].count == 7 else {
                return nil
            }
            self = .chunked
        default: return nil
        }
    }
}

/// A body as an independent reader finds it in the bytes behind a head.
enum PlainBody: Equatable {
    /// All of it is there; `count` bytes of the connection belong to it.
    case complete([UInt8], count: Int)
    /// What there is of it.
    case incomplete([UInt8])
    /// The framing is broken behind this content.
    case invalid([UInt8])

    var content: [UInt8] {
        switch self {
        case .complete(let content, _), .incomplete(let content), .invalid(let content): content
        }
    }

    var isComplete: Bool {
        if case .complete = self { return true }
        return false
    }

    static func read(_ bytes: ArraySlice<UInt8>, _ framing: PlainFraming) -> PlainBody {
        switch framing {
        case .none: .complete([], count: 0)
        case .length(let length):
            bytes.count >= length ? .complete(Array(bytes.prefix(length)), count: length) : .incomplete(Array(bytes))
        case .chunked: PlainChunks.read(bytes)
        }
    }
}
