import SignalboxProtocol

/// What a policy may look at of a request; kept by its thread and filled anew for each request, so that a pick allocates
/// nothing. Only what the policy of the request's pool needs is filled.
struct RoutingFacts: Sendable {
    /// What a policy needs to know.
    struct Needs: OptionSet, Sendable {
        let rawValue: UInt8
        /// The hashes of the blocks of the body's routing text.
        static let blocks = Needs(rawValue: 1)
        /// The routing text itself.
        static let text = Needs(rawValue: 2)
        /// The header fields that name a worker or a key.
        static let key = Needs(rawValue: 4)
    }

    /// A worker that was drawn, by its index in the table, and what the request costs there, in seconds.
    struct Drawn: Sendable {
        var index: Int
        var cost: Double
    }

    /// Chained hashes of the blocks of the routing text (``BlockHasher``).
    var blocks: [UInt64] = []
    /// The routing text: strings without their quotation marks, several of them joined by a space.
    var text: [UInt8] = []
    /// Bytes of the routing text, whether or not it is kept.
    var textBytes = 0
    /// Of the routing text, as known for the request's model.
    var bytesPerToken = 4.0
    /// The hash of the key that the request names; nil without one.
    var key: UInt64?
    /// Whether the key came in a field that is there for it, not in one that merely tells clients apart.
    var isExplicitKey = false
    /// The number of the worker that the request names.
    var target: Int?
    /// What decided the last pick.
    var reason = MetricsLayout.PickReason.order
    /// The two workers that the last pick compared, when it drew them by rendezvous; the second is nil when only one was admitted.
    var drawn: (home: Drawn, second: Drawn?)?
    /// Scratch for the depths of all lanes.
    var depths = [Int](repeating: 0, count: LaneSet.lanesMax)

    mutating func clear() {
        blocks.removeAll(keepingCapacity: true)
        text.removeAll(keepingCapacity: true)
        textBytes = 0
        key = nil
        isExplicitKey = false
        target = nil
    }

    /// About how many tokens the routing text has.
    var tokens: Double { max(1, Double(textBytes) / bytesPerToken) }

    /// About how many tokens so many blocks of it have.
    func tokens(ofBlocks blocks: Int) -> Double { Double(blocks * BlockHasher.blockBytes) / bytesPerToken }
}
