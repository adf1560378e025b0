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
        /// Try again on another worker, or on another address of this one: nothing was sent.
        case retryElsewhere
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
        /// The worker took nothing of an upload for too long.
        case uploadTimeout
        /// The worker sent no content for too long.
        case firstByteTimeout
        /// The answer stood still in the middle.
        case streamIdleTimeout
        /// The request took longer than it may in all.
        case requestTimeout
    }

    /// Most attempts for one request; the first included.
    public static let attemptsMax = 3

    public private(set) var phase = Phase.gathering
    /// How often a worker was picked or connected to.
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

    /// The worker's connection was lost before its answer was complete.
    public mutating func lost(_ cause: LossCause) -> Loss {
        switch phase {
        case .gathering: preconditionFailure("a connection was lost that the exchange never had")
        case .relaying: return .abort
        case .answering: return .answer
        case .sent: break
        }
        guard isReplayable, attempts < Exchange.attemptsMax else { return .answer }
        switch cause {
        case .notConnected, .connectTimeout: return .retryElsewhere
        case .closed: return usesPooledConnection ? .retryFresh : .answer
        case .uploadTimeout, .firstByteTimeout, .streamIdleTimeout, .requestTimeout: return .answer
        }
    }
}
