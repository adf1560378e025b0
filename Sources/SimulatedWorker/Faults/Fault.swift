/// One misbehaviour that the worker shows on demand.
///
/// All that is set takes effect together: a fault with `delayHead` and `status` answers late and with an error.
public struct Fault: Sendable, Hashable {
    /// What ends an answer before its time.
    public enum Ending: String, Sendable, Hashable, CaseIterable {
        /// Nothing more is sent, the connection stays open.
        case stall
        /// The connection is closed in the middle of an announced chunk or body.
        case close
        /// The connection is reset (TCP RST).
        case reset
        /// The process exits at once with status 1.
        case crash
    }

    /// Requests whose path starts with this are affected; nil means every path that generates.
    public var path: String?
    /// Answer with this status and an error document instead of the true answer.
    public var status: Int?
    /// Wait so long before the head of the response.
    public var delayHead: Duration = .zero
    /// End the answer this way.
    public var ending: Ending?
    /// Server-sent events written before `ending`; nil means before the head of the response.
    public var endingAfterEvents: Int?
    /// Close the listening socket.
    public var refuses = false
    /// Wait so long before each connection is accepted.
    public var slowAccept: Duration = .zero
    /// What `/health` and `/health_generate` answer.
    public var healthStatus: Int?
    /// Wait so long before `/health` answers.
    public var delayHealth: Duration = .zero
    /// The part of the requests that is affected, from 0 to 1.
    public var probability = 1.0
    /// How many requests are affected at most; nil means all.
    public var count: Int?
    /// How long the fault lasts from the moment it is set; nil means until it is removed.
    public var duration: Duration?

    /// A fault that does nothing yet.
    public init() {}

    /// Whether this is about requests, not only about health probes or about accepting connections.
    var affectsRequests: Bool { status != nil || delayHead > .zero || ending != nil }
}

/// Why a text or a document does not describe a fault: a sentence that names the field.
public struct FaultError: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
