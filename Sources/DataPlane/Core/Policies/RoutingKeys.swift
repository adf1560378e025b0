/// What a request's fields, as they were received, say about where it is to go (specification section 3.5).
struct RoutingKeys {
    /// The number of the worker in `X-SMG-Target-Worker`; one that no worker has when that is no number.
    var target: Int?
    /// The hash of `X-SMG-Routing-Key`, else of what tells clients apart: `Authorization`, else `X-Forwarded-For`, else `Cookie`.
    var key: UInt64?
    /// Whether the key came in the field that is there for it.
    var isExplicit = false

    init() {}

    /// The first field of a name counts, and an empty key is none.
    init(_ fields: FieldTable, in bytes: borrowing Span<UInt8>) {
        var best: (rank: Int, value: Range<Int>)?
        for field in fields.fields {
            let rank: Int
            switch field.name {
            case .targetWorker:
                if target == nil { target = RoutingKeys.number(bytes, field.valueRange) }
                continue
            case .routingKey: rank = 0
            case .authorization: rank = 1
            case .xForwardedFor: rank = 2
            case .cookie: rank = 3
            default: continue
            }
            if rank < best?.rank ?? .max, !field.valueRange.isEmpty { best = (rank, field.valueRange) }
        }
        guard let best else { return }
        key = BlockHasher.hash(bytes, best.value)
        isExplicit = best.rank == 0
    }

    /// A number of decimal digits; one that is none, or too long, names no worker.
    private static func number(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) -> Int {
        guard (1...9).contains(range.count) else { return .max }
        var number = 0
        for index in range {
            guard ASCII.isDigit(bytes[index]) else { return .max }
            number = number * 10 + Int(bytes[index] - ASCII.zero)
        }
        return number
    }
}
