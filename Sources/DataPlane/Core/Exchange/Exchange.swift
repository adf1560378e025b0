/// The life of one request, as a pure state machine: events in, decisions out (architecture section 5).
///
/// After the first byte that went to the client the only outcomes are *complete* and *abort*.
public struct Exchange: Sendable {
    public enum Phase: Sendable, Equatable {
        /// Waits for the rest of the body, or for a worker to become ready.
        case gathering
        /// A worker is picked; nothing of its answer has arrived.
        case sent
        /// Bytes of the answer's head have arrived, none has gone to the client.
        case answering
        /// The client has got the head.
        case relaying
    }

    /// What to do when the worker's connection is lost.
    public enum Loss: Sendable, Equatable {
        /// Try again on a fresh connection to the same worker: the pooled one had been closed under us.
        case retryFresh
        /// Make another attempt, where there is a worker for it and the budget allows it.
        case retry
        /// Tell the client: 502, or 504 when a time limit ended the attempt.
        case answer
        /// The client has got a part already: it must see that the rest is missing.
        case abort
    }

    /// How the worker's connection was lost, or which time limit ended it.
    public enum LossCause: Sendable, Equatable {
        case notConnected
        case connectTimeout
        case closed
        /// The worker sent what is no answer; it would only do so again.
        case invalidAnswer
        /// The worker took nothing of an upload for too long.
        case uploadTimeout
        /// The worker sent no content for too long.
        case firstByteTimeout
        /// The answer stood still in the middle.
        case streamIdleTimeout
        /// The request took longer than it may in all.
        case requestTimeout
    }

    public private(set) var phase = Phase.gathering
    /// How often the request was sent to a worker; a pooled connection that turned out to be closed does not count.
    public private(set) var attempts = 0
    /// The whole request is held, so that it can be sent again.
    public var isReplayable = true
    private var usesPooledConnection = false

    public init() {}

    /// A connection was chosen and the request begins to go out on it.
    public mutating func sent(pooled: Bool) {
        precondition(phase == .gathering || phase == .sent, "sent in phase \(phase)")
        phase = .sent
        usesPooledConnection = pooled
        attempts += 1
    }

    /// First bytes of an answer.
    public mutating func answerBegan() {
        if phase == .sent { phase = .answering }
    }

    /// The client gets the answer's head.
    public mutating func relayBegan() {
        precondition(phase == .answering, "relay began in phase \(phase)")
        phase = .relaying
    }

    /// Whether another attempt may be made instead of giving the client an answer of this status (specification section
    /// 4.2).
    public func mayRetry(status: Int, attemptsMax: Int) -> Bool {
        guard isReplayable, phase == .answering, attempts < attemptsMax else { return false }
        return switch status {
        case 408, 429, 500, 502, 503, 504: true
        default: false
        }
    }

    /// The answer that had begun is dropped, and the request waits for another attempt.
    public mutating func willRetry() {
        precondition(phase != .relaying, "a client that has got a part of an answer cannot get another one")
        phase = .gathering
    }

    /// Whether the request may leave a worker that still has it for another one.
    public func mayLeave(attemptsMax: Int) -> Bool {
        isReplayable && (phase == .sent || phase == .answering) && attempts < attemptsMax
    }

    /// The worker's connection was lost before its answer was complete.
    public mutating func lost(_ cause: LossCause, attemptsMax: Int) -> Loss {
        switch phase {
        case .gathering: preconditionFailure("a connection was lost that the exchange never had")
        case .relaying: return .abort
        case .sent where cause == .closed && usesPooledConnection && isReplayable:
            attempts -= 1
            return .retryFresh
        case .sent, .answering: break
        }
        guard isReplayable, attempts < attemptsMax else { return .answer }
        return cause == .requestTimeout || cause == .invalidAnswer ? .answer : .retry
    }
}

extension Exchange.LossCause {
    /// The worker may have worked on the request.
    var hasReachedWorker: Bool { self != .notConnected && self != .connectTimeout }

    /// A time limit ended the attempt: the same worker would only take as long again.
    var isTimeout: Bool {
        switch self {
        case .notConnected, .closed, .invalidAnswer: false
        case .connectTimeout, .uploadTimeout, .firstByteTimeout, .streamIdleTimeout, .requestTimeout: true
        }
    }

    /// What a breaker remembers of it; nil when it says nothing about the worker.
    var failure: StaticText? {
        switch self {
        case .notConnected: "A connection was refused, or could not be made."
        case .connectTimeout: "A connection was not accepted in time."
        case .closed: "A connection was lost before the answer was complete."
        case .invalidAnswer: "It sent what is no valid answer."
        case .uploadTimeout: "A request was not taken in time."
        case .firstByteTimeout: "No content came in time."
        case .streamIdleTimeout: "An answer stood still for too long."
        case .requestTimeout: nil
        }
    }
}
